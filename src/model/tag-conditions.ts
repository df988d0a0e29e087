import { WatchpostError } from "./errors.ts";
import type { MatcherOperator, TagMatcher } from "./matcher.ts";

const OPERATORS: Readonly<Record<string, MatcherOperator>> = { "=": "glob", "!=": "!glob", "=~": "=~", "!~": "!~" };
/** What a series without the tag has: no glob is empty. */
const OPERATORS_OF_EMPTY: Readonly<Record<string, MatcherOperator>> = { ...OPERATORS, "=": "=", "!=": "!=" };

/**
 * Conditions as a person writes them in one line: `site=plant-1, line=~a|b`, all of which must hold. A regular expression
 * has no comma of its own. Throws INVALID_ARGUMENT.
 */
export function parseTagConditions(text: string): TagMatcher[] {
  return text.split(",").map((part): TagMatcher => {
    const [, key, operator, value] = /^\s*([^\s=!~,]+)\s*(=~|!=|!~|=)\s*(.*?)\s*$/s.exec(part) ?? [];
    if (key === undefined || operator === undefined || value === undefined) {
      const message = `${JSON.stringify(part.trim())} is no condition; wanted such as "site=plant-*", with =, !=, =~ or !~`;
      throw new WatchpostError("INVALID_ARGUMENT", message);
    }
    return { key, operator: (value === "" ? OPERATORS_OF_EMPTY : OPERATORS)[operator]!, value };
  });
}
