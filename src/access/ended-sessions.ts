/** Why sessions of browsers have ended, so that whoever comes back with one is told. In memory: after a start nobody knows any more. */
import { hasHash, idOfSecret } from "./secret.ts";
import type { KeptToken, WebSession } from "./token-documents.ts";

/** Of more the first are forgotten. */
const KEPT_MAX = 10_000;

/** Of one that nothing is known of. */
export const UNKNOWN = "it is not known here: it was logged out or has run out, or its token was revoked";

export class EndedSessions {
  /** By id, the one that ended first first. */
  readonly #ended = new Map<string, { readonly hash: string; readonly why: string }>();

  /** `why`: a clause, such as "it was logged out". */
  add({ id, hash }: WebSession, why: string): void {
    if (this.#ended.size >= KEPT_MAX) this.#ended.delete(this.#ended.keys().next().value!);
    this.#ended.set(id, { hash, why });
  }

  /** Told to whoever has the session's secret alone; undefined: not known. */
  whyOf(secret: string): string | undefined {
    const ended = this.#ended.get(idOfSecret(secret) ?? "");
    return ended !== undefined && hasHash(secret, ended.hash) ? ended.why : undefined;
  }
}

export function revokedText({ name }: KeptToken, atMs: number): string {
  return `its token ${JSON.stringify(name)} was revoked on ${secondText(atMs)}`;
}

/** Of one that is kept, and no more taken; `token`: that it is of, as it is now. */
export function overText({ expiresAtMs, tokenHash }: WebSession, token: KeptToken | undefined, nowMs: number): string {
  const at = secondText(expiresAtMs);
  if (token !== undefined && token.hash !== tokenHash)
    return `its token ${JSON.stringify(token.name)} is another one now`;
  if (expiresAtMs > nowMs) return "its token was shown to log in so often since that the oldest sessions were ended";
  return token?.expiresAtMs === expiresAtMs
    ? `its token ${JSON.stringify(token.name)} has run out on ${at}`
    : `it has run out on ${at}`;
}

function secondText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
