/** How a call proves whose it is. */
import type { Principal } from "../wire/service.ts";
import type { Caller } from "../wire/gate.ts";

/** One that was shown and is good. */
export interface Credential {
  /** Whatever is withdrawn under this name ends what it was shown for. */
  readonly ids: readonly string[];
  readonly principal: Principal;
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

export const WEB_SESSION_COOKIE = "watchpost_session";

export function webSessionOf({ headers }: Caller): string | undefined {
  for (const cookie of headers.get("cookie")?.split(";") ?? []) {
    const [name, value] = cookie.trim().split("=");
    if (name === WEB_SESSION_COOKIE) return value;
  }
  return undefined;
}
