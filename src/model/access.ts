/** Who may do what, and of what: roles and scopes. Pure. */
import { invalidField } from "./errors.ts";
import { compileGlob, isGlob } from "./glob.ts";

/**
 * `ingest` writes points and reads nothing; a `viewer` reads; an `operator` also acts on alerts, works in sessions and edits rules,
 * devices and dashboards; an `admin` also gives access, deletes and takes backups.
 */
export const ROLES = ["ingest", "viewer", "operator", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** Globs, as in filters. Of a kind any must match; a kind without any matches everything. */
export interface ScopePatterns {
  readonly sources: readonly string[];
  readonly devices: readonly string[];
  readonly sites: readonly string[];
}

/** Where a point, a device or what is about one belongs; "": nowhere. */
export interface Place {
  readonly source: string;
  readonly device: string;
  readonly site: string;
}

/** What may be seen and touched: a place must match every kind of pattern that is given. */
export interface Scope {
  /** Equal for equal scopes. */
  readonly key: string;
  readonly patterns: ScopePatterns;
  /** Nothing is left out. */
  readonly isEverything: boolean;
  takes(place: Place): boolean;
}

const KINDS = ["sources", "devices", "sites"] as const;
const [PATTERNS_MAX, PATTERN_LENGTH_MAX] = [100, 256];
const NAME_LENGTH_MAX = 256;
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/u;

export const EVERYTHING: Scope = scopeOf({ sources: [], devices: [], sites: [] });

/** Whether it can be told from others by eye: one line, nothing in it that is not seen, and spaces within alone. */
export function isPrincipalName(text: string): boolean {
  return text !== "" && text.trim() === text && text.length <= NAME_LENGTH_MAX && !UNSEEN.test(text);
}

export function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text);
}

export function roleIn(text: string, field: string): Role {
  if (isRole(text)) return text;
  throw invalidField(field, text, ROLES.join(", "));
}

/** Throws INVALID_ARGUMENT for what are no patterns. */
export function scopeIn(patterns: ScopePatterns, field: string): Scope {
  for (const kind of KINDS) {
    const given = patterns[kind];
    if (given.length > PATTERNS_MAX) {
      throw invalidField(`${field}.${kind}`, `${given.length} patterns`, `at most ${PATTERNS_MAX}`);
    }
    for (const [i, pattern] of given.entries()) {
      if (pattern !== "" && pattern.length <= PATTERN_LENGTH_MAX) continue;
      const wanted = `a name or glob of 1 to ${PATTERN_LENGTH_MAX} characters`;
      throw invalidField(`${field}.${kind}[${i}]`, pattern, wanted);
    }
  }
  return scopeOf(patterns);
}

export function scopeOf(given: ScopePatterns): Scope {
  const sorted = (patterns: readonly string[]) => [...new Set(patterns)].sort();
  const patterns = {
    sources: sorted(given.sources),
    devices: sorted(given.devices),
    sites: sorted(given.sites),
  };
  const isEverything = KINDS.every((kind) => patterns[kind].length === 0);
  const [source, device, site] = KINDS.map((kind) => anyOf(patterns[kind]));
  return {
    key: isEverything ? "" : JSON.stringify(KINDS.map((kind) => patterns[kind])),
    patterns,
    isEverything,
    takes: isEverything ? () => true : (place) => source(place.source) && device(place.device) && site(place.site),
  };
}

/** Whether all that is in `inner` is in `outer`, as far as their patterns show: of two globs only that they are the same. */
export function isWithin(inner: Scope, outer: Scope): boolean {
  return KINDS.every((kind) => {
    const [given, wanted] = [inner.patterns[kind], outer.patterns[kind]];
    if (wanted.length === 0) return true;
    const isWanted = anyOf(wanted);
    return given.length > 0 && given.every((one) => wanted.includes(one) || (!isGlob(one) && isWanted(one)));
  });
}

/** In words, for people. */
export function scopeText({ isEverything, patterns }: Scope): string {
  if (isEverything) return "everything";
  const given = KINDS.filter((kind) => patterns[kind].length > 0);
  return given.map((kind) => `${kind} ${patterns[kind].join(", ")}`).join("; ");
}

function anyOf(patterns: readonly string[]): (text: string) => boolean {
  if (patterns.length === 0) return () => true;
  const globs = patterns.map(compileGlob);
  return (text) => globs.some((matches) => matches(text));
}
