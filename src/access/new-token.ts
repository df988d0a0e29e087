/** What a token is to be, and whose lasts. Pure. */
import { EVERYTHING, isPrincipalName, roleIn, scopeIn, type Role, type ScopePatterns } from "../model/access.ts";
import { invalidField } from "../model/errors.ts";
import { isId } from "./secret.ts";
import type { KeptToken } from "./token-documents.ts";

const EXPIRES_AFTER_MS_MAX = 10 * 366 * 24 * 3_600_000;

export interface ConfiguredToken {
  readonly id: string;
  /** SHA-256 of the secret, hex. */
  readonly hash: string;
}

export interface NewToken {
  readonly name: string;
  readonly role: string;
  /** undefined: everything. */
  readonly scope: ScopePatterns | undefined;
  /** undefined: never. */
  readonly expiresAtMs: number | undefined;
}

export function adminOf({ id, hash }: ConfiguredToken): KeptToken {
  const ever = { createdAtMs: 0, createdBy: "the configuration", expiresAtMs: Infinity, lastUsedAtMs: undefined };
  return { ...ever, id, hash, name: "admin", role: "admin", scope: EVERYTHING };
}

export function isLastingAdmin({ role, scope, expiresAtMs }: KeptToken): boolean {
  return role === "admin" && scope.isEverything && expiresAtMs === Infinity;
}

export function givenIn({ name, role, scope, expiresAtMs = Infinity }: NewToken, nowMs: number) {
  if (!isPrincipalName(name) || isId(name)) {
    throw invalidField(
      "name",
      name,
      "1 to 256 characters on one line that can be seen, no space before or behind them, and not the id of a token",
    );
  }
  const hasEnd = expiresAtMs !== Infinity;
  if (hasEnd && !(expiresAtMs > nowMs && expiresAtMs <= nowMs + EXPIRES_AFTER_MS_MAX)) {
    const given = Math.abs(expiresAtMs) <= 8.64e15 ? new Date(expiresAtMs).toISOString() : `${expiresAtMs} ms`;
    throw invalidField("expires_at", given, "a time within the next ten years");
  }
  const given: { readonly name: string; readonly role: Role } = { name, role: roleIn(role, "role") };
  return { ...given, scope: scope === undefined ? EVERYTHING : scopeIn(scope, "scope"), expiresAtMs };
}
