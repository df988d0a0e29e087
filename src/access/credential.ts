/** How a call proves whose it is. */
import type { Principal } from "../wire/service.ts";
import type { Caller } from "../wire/gate.ts";

/** One that was shown and is good. */
export interface Credential {
  /** Whatever is withdrawn under one of these names ends what it was shown for. */
  readonly ids: readonly string[];
  readonly principal: Principal;
  /** Address of whoever another node calls for; left out: that of the caller. */
  readonly peer?: string;
}

/** Why a credential is not good, as counts and logs name it. */
export type RefusalReason =
  | "no_credential"
  | "through_proxy"
  | "unknown_token"
  | "expired_token"
  | "ended_session"
  | "bad_jwt"
  | "wrong_jwt"
  | "expired_jwt"
  | "no_role"
  | "bad_certificate"
  | "revoked_certificate"
  | "keys_unavailable"
  | "busy";

/** Nobody is known by what was shown. */
export interface Refusal {
  readonly reason: RefusalReason;
  /** For whoever showed it, and for the log: never what was shown. */
  readonly message: string;
}

export type Verdict = Credential | Refusal;

export function isRefusal(verdict: Verdict): verdict is Refusal {
  return "reason" in verdict;
}

/** What a call shows: "Bearer …", and for what knows no other form "Token …" (InfluxDB) or the password of "Basic …". */
export function bearerOf({ headers }: Caller): string | undefined {
  const given = headers.get("authorization");
  if (given === undefined) return undefined;
  const [, kind = "", rest = ""] = /^(\S+)\s+(\S.*)$/.exec(given.trim()) ?? [];
  switch (kind.toLowerCase()) {
    case "bearer":
    case "token":
      return rest;
    case "basic":
      return Buffer.from(rest, "base64")
        .toString()
        .replace(/^[^:]*:/, "");
    default:
      return given;
  }
}

type Headers = Pick<Caller, "headers">;

/** Of names that begin so browsers keep what came over TLS alone, and from that very host: nobody else can make them show another. */
const OVER_TLS = "__Host-";

/** Cookies are of a host with all of its ports: two servers on one would log each other out. `isSecure`: the browser came over TLS. */
export function webSessionCookie({ headers }: Headers, isSecure: boolean): string {
  const [, port] = /:(\d+)$/.exec(headers.get("host") ?? "") ?? [];
  return `${isSecure ? OVER_TLS : ""}watchpost_session${port === undefined ? "" : `_${port}`}`;
}

/** `isTls`: this server speaks TLS. Where it does not a proxy before it may. */
export function webSessionOf(caller: Headers, isTls: boolean): string | undefined {
  const secure = cookieOf(caller, webSessionCookie(caller, true));
  return secure ?? (isTls ? undefined : cookieOf(caller, webSessionCookie(caller, false)));
}

function cookieOf(caller: Headers, wanted: string): string | undefined {
  for (const cookie of caller.headers.get("cookie")?.split(";") ?? []) {
    const [name, value] = cookie.trim().split("=");
    if (name === wanted) return value;
  }
  return undefined;
}
