/** Conditions on series as a person writes them: KEY=GLOB, KEY!=GLOB, KEY=~REGEX and KEY!~REGEX. */
import { messageOf } from "./errors.ts";
import type { MatcherOperator, TagMatcher } from "./matcher.ts";
import { compileRegex } from "./regex.ts";

export type WhereOperator = "=" | "!=" | "=~" | "!~";

export interface Where {
  readonly key: string;
  readonly operator: WhereOperator;
  readonly value: string;
}

const OPERATORS: Readonly<Record<WhereOperator, MatcherOperator>> = {
  "=": "glob",
  "!=": "!glob",
  "=~": "=~",
  "!~": "!~",
};
const SYMBOLS: Readonly<Record<MatcherOperator, WhereOperator>> = {
  "=": "=",
  "!=": "!=",
  glob: "=",
  "!glob": "!=",
  "=~": "=~",
  "!~": "!~",
};

/** The parts of a condition. Throws RangeError with what was wanted. */
export function parseWhere(text: string): Where {
  const [, key, operator, value] = /^(.*?)(=~|!=|!~|=)(.*)$/s.exec(text) ?? [];
  if (key === undefined) throw new RangeError('wanted KEY=VALUE, such as "device=pump-*"');
  if (key === "" || key !== key.trim() || /[!<>~"']/.test(key)) {
    throw new RangeError("wanted source, metric, device or a tag before =, !=, =~ or !~");
  }
  if (operator === "=" && value.startsWith("=")) throw new RangeError("wanted one = between key and value");
  return { key, operator: operator as WhereOperator, value };
}

/** What it compares with; a series without the tag has "", which no glob is. Throws RangeError with what was wanted. */
export function matcherOfWhere(text: string): TagMatcher {
  const { key, operator, value } = parseWhere(text);
  if (value === "" && (operator === "=" || operator === "!=")) return { key, operator, value };
  if (operator === "=~" || operator === "!~") checkRegex(value);
  return { key, operator: OPERATORS[operator], value };
}

/** Inverse of {@link matcherOfWhere}. */
export function whereOfMatcher({ key, operator, value }: TagMatcher): string {
  return key + SYMBOLS[operator] + value;
}

function checkRegex(pattern: string): void {
  try {
    compileRegex(pattern);
  } catch (error) {
    throw new RangeError(`wanted a regular expression in RE2 syntax: ${messageOf(error)}`, { cause: error });
  }
}
