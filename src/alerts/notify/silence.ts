/** A silence: for a time, alerts that meet its matchers are not notified. It does not acknowledge them. */
import type { ScopePatterns } from "../../model/access.ts";
import { invalidField, messageOf } from "../../model/errors.ts";
import { compileMatchers, MATCHERS_MAX, matchersText, picksOut, type LabelMatcher } from "./label-matcher.ts";

export interface Silence {
  readonly id: string;
  /** All have to be met. */
  readonly matchers: readonly LabelMatcher[];
  /** Active in [from, to), Unix milliseconds of the wall clock. */
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  readonly author: string;
  readonly comment: string;
  /** Said by the author: it may hold back every alert. */
  readonly isForAll: boolean;
  /** Of whoever made it: what is not in it is not held back. Left out: everything. */
  readonly scope?: ScopePatterns | undefined;
}

export type SilenceState = "pending" | "active" | "expired";

const TEXT_LENGTH_MAX = 1_024;

export function stateOfSilence({ startsAtMs, endsAtMs }: Silence, nowMs: number): SilenceState {
  if (nowMs >= endsAtMs) return "expired";
  return nowMs >= startsAtMs ? "active" : "pending";
}

/**
 * The silence as it will be kept, in place of `before`, which is not over: one that has begun keeps its start, and none
 * begins in the past. Throws INVALID_ARGUMENT.
 */
export function checkedSilence(given: Silence, before: Silence | undefined, nowMs: number): Silence {
  const { matchers, endsAtMs, isForAll } = given;
  if (given.id === "") throw invalidField("silence.id", "", "an id");
  checkMatchers(matchers);
  if (!isForAll && !matchers.some(picksOut)) {
    const wanted = "a matcher that picks out some alerts; to silence them all, say so (all, or --all)";
    throw invalidField("silence.matchers", matchersText(matchers), wanted);
  }
  for (const key of ["author", "comment"] as const) {
    const wanted = `at most ${TEXT_LENGTH_MAX} characters`;
    if (given[key].length > TEXT_LENGTH_MAX) throw invalidField(`silence.${key}`, given[key], wanted);
  }
  const startsAtMs = startOf(given, before, nowMs);
  checkTime("silence.starts_at", startsAtMs);
  checkTime("silence.ends_at", endsAtMs);
  if (endsAtMs <= startsAtMs) {
    throw invalidField("silence.ends_at", timeText(endsAtMs), `a time after it starts, ${timeText(startsAtMs)}`);
  }
  return { ...given, startsAtMs };
}

function startOf(given: Silence, before: Silence | undefined, nowMs: number): number {
  const hasBegun = before !== undefined && before.startsAtMs <= nowMs;
  return hasBegun ? before.startsAtMs : Math.max(given.startsAtMs, nowMs);
}

function checkMatchers(matchers: readonly LabelMatcher[]): void {
  if (matchers.length === 0 || matchers.length > MATCHERS_MAX) {
    throw invalidField("silence.matchers", matchers.length, `1 to ${MATCHERS_MAX} matchers`);
  }
  matchers.forEach((matcher, i) => {
    if (matcher.name === "") throw invalidField(`silence.matchers[${i}].name`, "", "the name of a label");
    try {
      compileMatchers([matcher]);
    } catch (error) {
      const wanted = `a regular expression in RE2 syntax: ${messageOf(error)}`;
      throw invalidField(`silence.matchers[${i}].value`, matcher.value, wanted);
    }
  });
}

function checkTime(field: string, timeMs: number): void {
  if (Number.isNaN(new Date(timeMs).getTime())) throw invalidField(field, timeMs, "a time");
}

function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
