/** Takes a call or refuses it, and ends what goes on once it may not any more. */
import type { Clock } from "../model/clock.ts";
import { WatchpostError } from "../model/errors.ts";
import { scopeText } from "../model/access.ts";
import type { Admission, Caller, Gate } from "../wire/gate.ts";
import { ANONYMOUS, type Principal } from "../wire/service.ts";
import { bearerOf, webSessionOf, type Credential } from "./credential.ts";
import { needFor, type Need } from "./table.ts";
import type { KeptToken } from "./token-documents.ts";
import type { Tokens } from "./tokens.ts";

export interface GateDeps {
  readonly tokens: Tokens;
  readonly clock: Pick<Clock, "nowMs" | "after">;
  /** Whether anybody may come through a proxy where nobody is asked who they are. */
  readonly isInsecure: boolean;
}

type Cut = (why: WatchpostError) => void;

const ANONYMOUS_ID = "anonymous";
/** Timers of the platform hold no more. */
const WAIT_MS_MAX = 24 * 3_600_000;
/** What proxies add. */
const FORWARDED = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];
const HOW_TO_MAKE_ONE = "an admin makes one with: watchpost token create NAME --role viewer";

export class AccessGate implements Gate {
  readonly #deps: GateDeps;
  /** By what was shown for them. */
  readonly #held = new Map<string, Set<Cut>>();
  readonly #unfollow: () => void;

  constructor(deps: GateDeps) {
    this.#deps = deps;
    this.#unfollow = deps.tokens.follow((id) => {
      if (id === "") this.#end(ANONYMOUS_ID, "from now on this server asks who calls: there is a first token");
      else this.#end(id, "the token was revoked, or its session logged out");
    });
  }

  /** Whether everybody must prove who they are. */
  get isOn(): boolean {
    return this.#deps.tokens.isAny;
  }

  admit(name: string, caller: Caller): Admission {
    const need = needFor(name);
    if (need === undefined) throw new WatchpostError("PERMISSION_DENIED", `nobody may call ${name}`);
    if (need.roles.length === 0) return this.#admission({ ids: [], principal: ANONYMOUS });
    const credential = this.isOn ? this.#known(caller) : this.#anonymous(caller);
    refuseRole(name, need, credential.principal);
    return this.#admission(credential);
  }

  /** Who calls, whatever it is that they want. Throws UNAUTHENTICATED. */
  principalOf(caller: Caller): Principal {
    return (this.isOn ? this.#known(caller) : this.#anonymous(caller)).principal;
  }

  close(): void {
    this.#unfollow();
  }

  /** A browser may not be made to open a server of its own machine to a page that came from elsewhere, nor a proxy to the world. */
  #anonymous({ headers }: Caller): Credential {
    const forwarded = this.#deps.isInsecure ? undefined : FORWARDED.find((header) => headers.has(header));
    if (forwarded === undefined) return { ids: [ANONYMOUS_ID], principal: ANONYMOUS };
    const message = `this call came through a proxy (it has ${forwarded}), and this server asks nobody who they are: whoever reaches the proxy could read and write everything. Make a first token on this machine, with: watchpost token create me --role admin`;
    throw new WatchpostError("UNAUTHENTICATED", message);
  }

  #known(caller: Caller): Credential {
    const { tokens } = this.#deps;
    const bearer = bearerOf(caller);
    if (bearer !== undefined) {
      const token = tokens.ofSecret(bearer);
      if (token !== undefined) return this.#ofToken(token, "token");
      throw new WatchpostError("UNAUTHENTICATED", `the token is not known here, or was revoked; ${HOW_TO_MAKE_ONE}`);
    }
    const cookie = webSessionOf(caller);
    if (cookie === undefined) {
      const message = `this server asks who calls, and no token came; wanted the header "authorization: Bearer wp_…"; ${HOW_TO_MAKE_ONE}`;
      throw new WatchpostError("UNAUTHENTICATED", message);
    }
    const found = tokens.ofWebSession(cookie);
    if (found === undefined) throw new WatchpostError("UNAUTHENTICATED", "the session has ended; log in again");
    const { ids, principal } = this.#ofToken(found.token, "session");
    const expiresAtMs = Math.min(principal.expiresAtMs, found.session.expiresAtMs);
    return { ids: [...ids, found.session.id], principal: { ...principal, expiresAtMs } };
  }

  #ofToken(token: KeptToken, via: string): Credential {
    const { id, name, role, scope, expiresAtMs } = token;
    if (expiresAtMs <= this.#deps.clock.nowMs()) {
      const message = `the token ${JSON.stringify(name)} has run out on ${new Date(expiresAtMs).toISOString()}; ${HOW_TO_MAKE_ONE}`;
      throw new WatchpostError("UNAUTHENTICATED", message);
    }
    this.#deps.tokens.used(token);
    return { ids: [id], principal: { name, isAuthenticated: true, role, scope, via, expiresAtMs } };
  }

  #admission({ ids, principal }: Credential): Admission {
    return { principal, hold: (cut) => this.#hold(ids, principal, cut) };
  }

  #hold(ids: readonly string[], { expiresAtMs }: Principal, cut: Cut): () => void {
    // Its own for each call, which is cut once.
    const own: Cut = (why) => {
      release();
      cut(why);
    };
    for (const id of ids) {
      const cuts = this.#held.get(id) ?? new Set();
      this.#held.set(id, cuts.add(own));
    }
    const cancel = this.#atMs(expiresAtMs, () => own(ranOut()));
    const release = () => {
      cancel();
      for (const id of ids) {
        const cuts = this.#held.get(id);
        cuts?.delete(own);
        if (cuts?.size === 0) this.#held.delete(id);
      }
    };
    return release;
  }

  /** Also where that is longer than a timer takes. */
  #atMs(timeMs: number, run: () => void): () => void {
    if (timeMs === Infinity) return () => {};
    const { clock } = this.#deps;
    const waitMs = timeMs - clock.nowMs();
    if (waitMs <= WAIT_MS_MAX) return clock.after(Math.max(0, waitMs), run);
    let cancel = clock.after(WAIT_MS_MAX, () => (cancel = this.#atMs(timeMs, run)));
    return () => cancel();
  }

  #end(id: string, why: string): void {
    for (const cut of [...(this.#held.get(id) ?? [])]) cut(new WatchpostError("UNAUTHENTICATED", why));
  }
}

function ranOut(): WatchpostError {
  return new WatchpostError("UNAUTHENTICATED", "the token has run out");
}

function refuseRole(name: string, { roles, isForEverything }: Need, { name: who, role, scope }: Principal): void {
  if (!roles.includes(role)) {
    const message = `${who} has the role ${role}, which may not call ${name}; wanted ${roles.join(" or ")}`;
    throw new WatchpostError("PERMISSION_DENIED", message);
  }
  if (isForEverything && !scope.isEverything) {
    const message = `${who} sees part of this server (${scopeText(scope)}), and ${name} is about all of it; wanted a token without a scope`;
    throw new WatchpostError("PERMISSION_DENIED", message);
  }
}
