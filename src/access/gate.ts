/** Takes a call or refuses it, and ends what goes on once it may not any more. */
import type { Clock } from "../model/clock.ts";
import { WatchpostError } from "../model/errors.ts";
import { scopeText } from "../model/access.ts";
import type { Admission, Caller, PageGate } from "../wire/gate.ts";
import { ANONYMOUS, type Principal } from "../wire/service.ts";
import { ANONYMOUS_ID, Callers, type CallersDeps } from "./callers.ts";
import { idOfRevoked } from "./certificates.ts";
import { isRefusal, type Credential, type Verdict } from "./credential.ts";
import type { Limits } from "./limits.ts";
import type { RefusedLogins } from "./refused-logins.ts";
import type { KeptToken } from "./token-documents.ts";
import { calledAs } from "./route-paths.ts";
import { callableBy, needFor, refusalOf, type Need } from "./table.ts";

export interface GateDeps extends CallersDeps {
  readonly clock: Pick<Clock, "nowMs" | "after">;
  readonly refused: RefusedLogins;
  readonly limits: Pick<Limits, "allowanceOf">;
}

type Cut = (why: WatchpostError) => void;

/** Timers do not hear that a clock is set, nor of the time that a machine sleeps: that late what has run out may end. */
const WAIT_MS_MAX = 60_000;

export class AccessGate implements PageGate {
  readonly #deps: GateDeps;
  readonly #callers: Callers;
  /** By what was shown for them. */
  readonly #held = new Map<string, Set<Cut>>();
  readonly #unfollow: readonly (() => void)[];

  constructor(deps: GateDeps) {
    this.#deps = deps;
    this.#callers = new Callers(deps);
    this.#unfollow = [
      deps.tokens.follow((id) => {
        if (id === "") this.#end(ANONYMOUS_ID, "from now on this server asks who calls: there is a first token");
        else this.#end(id, "the token was revoked, or its session logged out");
      }),
      deps.revoked.follow((certificate) => this.#end(idOfRevoked(certificate), "the certificate was revoked")),
      deps.provider?.follow((id) => this.#end(id, "the identity provider has withdrawn the key of the JWT")) ??
        (() => {}),
    ];
  }

  /** Whether everybody must prove who they are. */
  get isOn(): boolean {
    return this.#callers.mustProve;
  }

  /** A promise where a JWT is seen for the first time. */
  admit(name: string, caller: Caller): Admission | Promise<Admission> {
    const need = needFor(name);
    if (need === undefined) throw new WatchpostError("PERMISSION_DENIED", `nobody may call ${name}`);
    if (need.roles.length === 0) return this.#admission({ ids: [], principal: ANONYMOUS }, caller);
    const admitted = (verdict: Verdict) => {
      if (isRefusal(verdict)) throw this.#deps.refused.errorOf(caller.peer, verdict);
      refuse(name, need, verdict.principal);
      return this.#admission(verdict, caller);
    };
    const verdict = this.#callers.verdictOf(caller);
    return verdict instanceof Promise ? verdict.then(admitted) : admitted(verdict);
  }

  /** Whose secret it is. Throws UNAUTHENTICATED. */
  tokenToLogIn(secret: string, peer: string): KeptToken {
    const found = this.#callers.tokenOf(secret);
    if ("reason" in found) throw this.#deps.refused.errorOf(peer, found);
    return found;
  }

  callableBy(principal: Principal): string[] {
    return callableBy(principal);
  }

  /** Whose call it is, or why nobody's, which counts as it does of any call. */
  async verdictOf(caller: Caller): Promise<Verdict> {
    const verdict = await this.#callers.verdictOf(caller);
    if (isRefusal(verdict)) this.#deps.refused.errorOf(caller.peer, verdict);
    return verdict;
  }

  close(): void {
    for (const unfollow of this.#unfollow) unfollow();
  }

  /** Throws RESOURCE_EXHAUSTED where whoever calls has called too often. */
  #admission({ ids, principal, peer: other }: Credential, { peer }: Caller): Admission {
    const allowance = this.#deps.limits.allowanceOf(principal, other ?? peer);
    const refusal = allowance.refusal("messages_per_second");
    if (refusal !== undefined) throw refusal;
    allowance.use("messages_per_second", 1);
    const hold = (cut: Cut) => this.#hold(ids, principal, cut);
    return { principal, allowance, ...(other !== undefined && { peer: other }), hold };
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

  /** By the wall clock, also where that is set meanwhile. */
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

function refuse(name: string, need: Need, principal: Principal): void {
  const { name: who, role, scope } = principal;
  const refusal = refusalOf(need, principal);
  if (refusal === "no node") {
    const message = `${calledAs(name)} is for the nodes of this system alone, which show each other their key; ${who} is none of them`;
    throw new WatchpostError("PERMISSION_DENIED", message);
  }
  if (refusal === "role") {
    const message = `${who} has the role ${role}, which may not call ${calledAs(name)}; wanted ${need.roles.join(" or ")}`;
    throw new WatchpostError("PERMISSION_DENIED", message);
  }
  if (refusal === "scope") {
    const message = `${who} sees part of this server (${scopeText(scope)}), and ${calledAs(name)} is about all of it; wanted a token without a scope`;
    throw new WatchpostError("PERMISSION_DENIED", message);
  }
}
