/** Tokens and sessions of browsers in the journal: a document each, and an event for what became of a token. Pure. */
import { isRole, scopeOf, type Role, type Scope, type ScopePatterns } from "../model/access.ts";
import type { DocumentChange, JournalEvent } from "../model/journal.ts";

export const TOKEN_EVENT = "token";
export const TOKENS = "token";
export const WEB_SESSIONS = "web-session";
/** When tokens were used last: apart, so that what is written of a token by one node does not bring back what another has revoked. */
export const TOKEN_USES = "token-use";

export interface KeptToken {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly scope: Scope;
  /** SHA-256 of the secret, hex. */
  readonly hash: string;
  readonly createdAtMs: number;
  readonly createdBy: string;
  /** Infinity: never. */
  readonly expiresAtMs: number;
  /** undefined: never. */
  readonly lastUsedAtMs: number | undefined;
}

/** A browser that has shown a token. */
export interface WebSession {
  readonly id: string;
  readonly hash: string;
  readonly tokenId: string;
  /** Of the token: one that is configured may have another secret under its id by now. */
  readonly tokenHash: string;
  readonly expiresAtMs: number;
}

export interface TokenEvent {
  readonly event: "created" | "revoked";
  readonly name: string;
  readonly role: Role;
  readonly scope: ScopePatterns;
}

export function useChange(id: string, lastUsedAtMs: number): DocumentChange {
  return { collection: TOKEN_USES, key: id, sort: 0, value: JSON.stringify({ lastUsedAtMs }) };
}

export function noUse(id: string): DocumentChange {
  return { collection: TOKEN_USES, key: id, sort: 0, value: null };
}

/** Inverse of {@link useChange}; 0 for what is none. */
export function useOf(text: string): number {
  const { lastUsedAtMs } = JSON.parse(text) as { readonly lastUsedAtMs?: unknown };
  return typeof lastUsedAtMs === "number" ? lastUsedAtMs : 0;
}

export function tokenChange({ id, expiresAtMs, scope, ...rest }: KeptToken): DocumentChange {
  const expires = expiresAtMs === Infinity ? {} : { expiresAtMs };
  const value = JSON.stringify({ ...rest, ...expires, scope: scope.patterns });
  return { collection: TOKENS, key: id, sort: 0, value };
}

export function noToken(id: string): DocumentChange {
  return { collection: TOKENS, key: id, sort: 0, value: null };
}

/** Inverse of {@link tokenChange}. Throws for what is none. */
export function tokenOf(id: string, text: string): KeptToken {
  const {
    scope,
    expiresAtMs = Infinity,
    ...rest
  } = JSON.parse(text) as Omit<KeptToken, "scope"> & {
    readonly scope: ScopePatterns;
  };
  // What a role or scope of another version means is not guessed.
  if (!isRole(rest.role)) throw new Error(`the role ${JSON.stringify(rest.role)} is not known`);
  return { ...rest, id, expiresAtMs, scope: scopeOf(scope) };
}

export function tokenEvent(event: TokenEvent["event"], token: KeptToken, actor: string, atMs: number): JournalEvent {
  const { id, name, role, scope } = token;
  const payload = JSON.stringify({ event, name, role, scope: scope.patterns } satisfies TokenEvent);
  return { atMs, kind: TOKEN_EVENT, subject: `token/${id}`, actor, payload };
}

export function webSessionChange({ id, ...rest }: WebSession): DocumentChange {
  return { collection: WEB_SESSIONS, key: id, sort: rest.expiresAtMs, value: JSON.stringify(rest) };
}

export function noWebSession({ id, expiresAtMs }: WebSession): DocumentChange {
  return { collection: WEB_SESSIONS, key: id, sort: expiresAtMs, value: null };
}

/** Inverse of {@link webSessionChange}. Throws for what is none. */
export function webSessionOf(id: string, text: string): WebSession {
  return { ...(JSON.parse(text) as Omit<WebSession, "id">), id };
}
