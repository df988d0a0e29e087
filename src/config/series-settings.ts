/** Kinds of settings that say which series leave this node, and for how long they may wait. */
import { parseDurationMs } from "../model/duration.ts";
import { compileMatcher } from "../model/matcher.ts";
import { parseTagConditions } from "../model/tag-conditions.ts";
import { parsed } from "./leaves.ts";

const MINUTE = 60_000;
const YEARS = 36_500 * 24 * 60 * MINUTE;

export function patterns() {
  return parsed('names or globs such as "temperature|power.*", "*" for all', (given) => {
    if (typeof given !== "string") return undefined;
    compileMatcher(given.split("|"), {});
    return given;
  });
}

/** Undefined: there are none. */
export function tagConditions() {
  return parsed('"none" or conditions such as "site=plant-1, line=~a|b"', (given): string | null | undefined => {
    if (typeof given !== "string") return undefined;
    if (given === "none") return null;
    compileMatcher(["*"], {}, "", parseTagConditions(given));
    return given;
  }).transform((given) => given ?? undefined);
}

/** Milliseconds; Infinity where there is no bound. */
export function ageOrNoneMs() {
  return parsed('"none" or a duration such as "30d", from 1m to 36500d', (given): number | undefined => {
    if (given === "none") return Infinity;
    const value = typeof given === "string" ? parseDurationMs(given) : undefined;
    return value !== undefined && value >= MINUTE && value <= YEARS ? value : undefined;
  });
}
