/** A rule's conditions on series as they are written: "site=plant-*". */
import { z } from "zod";
import type { TagMatcher } from "../model/matcher.ts";
import { REGEX_LENGTH_MAX } from "../model/regex.ts";
import { matcherOfWhere, parseWhere } from "../model/where.ts";
import { field, list, within, type Field } from "./input/fields.ts";

const WHERE_MAX = 64;
const WHERE_LENGTH_MAX = 1_024;

const condition = field(`a condition of at most ${WHERE_LENGTH_MAX} characters`, (given) => {
  if (typeof given !== "string" || given.length > WHERE_LENGTH_MAX || !given.isWellFormed()) return undefined;
  return matcherOfWhere(given);
});
const conditions = list("conditions", condition, 0, WHERE_MAX);

/** The length of regular expressions is looked at before any is compiled, which is what takes time. */
export const whereField: Field<TagMatcher[]> = z.transform((given, context) => {
  const lengths = Array.isArray(given) ? given.map(regexLengthOf) : [];
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (total <= REGEX_LENGTH_MAX) return within(conditions, given, [], context);
  const message = `has regular expressions of ${total} characters; wanted at most ${REGEX_LENGTH_MAX} together`;
  context.addIssue({ code: "custom", message });
  return z.NEVER;
});

function regexLengthOf(given: unknown): number {
  if (typeof given !== "string") return 0;
  try {
    const { operator, value } = parseWhere(given);
    return operator === "=~" || operator === "!~" ? value.length : 0;
  } catch {
    return 0;
  }
}
