/** Whom the claims of a verified JWT make, by what the configuration says. Pure. */
import { EVERYTHING, isPrincipalName, scopeIn, type Scope, type ScopePatterns } from "../../model/access.ts";
import { truncated, WatchpostError } from "../../model/errors.ts";
import { roleOfValues, type RoleMapping } from "../../model/role-mapping.ts";
import type { Principal } from "../../wire/service.ts";
import type { Refusal } from "../credential.ts";

export type Claims = Readonly<Record<string, unknown>>;

export interface ClaimSettings {
  /** Names of claims, or paths to one inside of others such as "realm_access.roles". */
  readonly nameClaim: string;
  readonly roleClaim: string;
  readonly roles: RoleMapping;
  /** Whose values are patterns of what may be seen; undefined: everything of that kind. */
  readonly scopeClaims: Readonly<Record<keyof ScopePatterns, string | undefined>>;
  /** For how long after its end a JWT is still taken, since clocks differ. */
  readonly leewayMs: number;
}

const [SHOWN_LENGTH_MAX, SHOWN_VALUES_MAX] = [80, 10];
/** 9999-12-31, the last that messages tell. */
const TIME_MS_MAX = 253_402_300_799_000;
const KINDS = ["sources", "devices", "sites"] as const;

/** `claims`: with a number `exp`, as its verification makes sure. */
export function principalOfClaims(claims: Claims, settings: ClaimSettings): Principal | Refusal {
  const { nameClaim, roleClaim, roles, leewayMs } = settings;
  const name = claimOf(claims, nameClaim);
  if (typeof name !== "string" || !isPrincipalName(name)) {
    return wrong(
      `its claim ${nameClaim} is ${shown(name)}; wanted the name of whoever it is for, on one line that can be seen, without spaces before or behind it`,
    );
  }
  const values = wordsOf(claimOf(claims, roleClaim));
  const role = roleOfValues(values, roles);
  if (role === undefined) {
    const wanted = [...roles.values()].flat().join(", ");
    const has = values.length === 0 ? "nothing" : shown(values.slice(0, SHOWN_VALUES_MAX));
    const message = `the identity provider knows ${shown(name)}, who has no role here: the claim ${roleClaim} has ${has}; wanted one of ${wanted}`;
    return { reason: "no_role", message };
  }
  const scope = scopeOfClaims(claims, settings.scopeClaims);
  if ("reason" in scope) return scope;
  const expiresAtMs = Math.min(Math.floor((claims["exp"] as number) * 1_000) + leewayMs, TIME_MS_MAX);
  return { name: name.trim(), isAuthenticated: true, role, scope, via: "jwt", expiresAtMs };
}

function scopeOfClaims(claims: Claims, names: ClaimSettings["scopeClaims"]): Scope | Refusal {
  const patterns: Record<keyof ScopePatterns, readonly string[]> = { sources: [], devices: [], sites: [] };
  for (const kind of KINDS) {
    const name = names[kind];
    if (name === undefined) continue;
    const given = claimOf(claims, name);
    const listed = typeof given === "string" ? [given] : given;
    // None is nothing to see here, where of a token that was made here it is everything.
    if (!Array.isArray(listed) || listed.length === 0 || !listed.every((each) => typeof each === "string")) {
      return wrong(`its claim ${name} is ${shown(given)}; wanted ${kind} as names or globs, "*" for all`);
    }
    patterns[kind] = listed.includes("*") ? [] : listed;
  }
  if (KINDS.every((kind) => patterns[kind].length === 0)) return EVERYTHING;
  try {
    return scopeIn(patterns, "scope");
  } catch (error) {
    if (!(error instanceof WatchpostError)) throw error;
    return wrong(`its claims are no scope: ${error.message}`);
  }
}

/** Names may have dots of their own: "https://example.org/roles". */
function claimOf(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let at: unknown = claims;
  for (const part of name.split(".")) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, part)) return undefined;
    at = (at as Claims)[part];
  }
  return at;
}

/** The whole text counts as well, since names of groups have spaces. */
function wordsOf(given: unknown): string[] {
  if (typeof given === "string") return [given, ...given.split(" ")].filter((word) => word !== "");
  return Array.isArray(given) ? given.filter((each) => typeof each === "string") : [];
}

function wrong(why: string): Refusal {
  return { reason: "wrong_jwt", message: `the JWT is not good here: ${why}` };
}

function shown(value: unknown): string {
  return value === undefined ? "not there" : truncated(JSON.stringify(value) ?? "", SHOWN_LENGTH_MAX);
}
