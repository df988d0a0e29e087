/** Conditions on labels, written as in Alertmanager: `severity="critical"`, `team!=x`, `device=~"pump-.*"`. */
import { messageOf } from "../../model/errors.ts";
import { compileRegex } from "../../model/regex.ts";
import { SEVERITIES } from "../severity.ts";

export type Labels = Readonly<Record<string, string>>;
/** Equal, unequal, a regular expression of the whole value, and that negated. */
export type LabelOperator = "=" | "!=" | "=~" | "!~";

export interface LabelMatcher {
  readonly name: string;
  readonly operator: LabelOperator;
  readonly value: string;
}

export type LabelTest = (labels: Labels) => boolean;

export const MATCHERS_MAX = 64;
const TEXT_LENGTH_MAX = 2_048;
const QUOTED = '"((?:[^"\\\\]|\\\\.)*)"';
const SYNTAX = new RegExp(`^\\s*(?:${QUOTED}|([^\\s"=!~{},]+))\\s*(=~|!~|!=|=)\\s*(?:${QUOTED}|([^",]*?))\\s*$`, "s");
const WANTED = 'wanted one matcher, such as severity="critical", team!=x or device=~pump-.*, with commas in quotes';
/** An expression that is only a list of words, which are quicker to look up. */
const WORDS = /^[\w -]+(\|[\w -]+)*$/;
/** No two of them have much in common: what matches them all picks nothing out. */
const UNLIKE = ["a", "0", "~ \u{fffd}"];

/** The value of a label; a label that is not there has the value "". */
export function labelOf(labels: Labels, name: string): string {
  return Object.hasOwn(labels, name) ? labels[name] : "";
}

/** Throws RangeError that says what was wanted, also where the regular expression is none. */
export function parseMatcher(text: string): LabelMatcher {
  const parts = text.length > TEXT_LENGTH_MAX ? null : SYNTAX.exec(text);
  if (parts === null) throw new RangeError(WANTED);
  const [, quotedName, name, operator, quotedValue, value] = parts;
  const matcher: LabelMatcher = {
    name: unescaped(quotedName ?? name),
    operator: operator as LabelOperator,
    value: unescaped(quotedValue ?? value),
  };
  if (matcher.name === "") throw new RangeError("wanted the name of a label before the operator");
  try {
    testOfMatcher(matcher);
  } catch (error) {
    throw new RangeError(`wanted a regular expression in RE2 syntax: ${messageOf(error)}`, { cause: error });
  }
  return matcher;
}

/** As Alertmanager prints it; {@link parseMatcher} reads it. */
export function matcherText({ name, operator, value }: LabelMatcher): string {
  const shownName = /["\s=!~{},\\]/.test(name) ? quoted(name) : name;
  return `${shownName}${operator}${quoted(value)}`;
}

/** `{a="1",b=~"2"}`, in an order that does not depend on that of the list. */
export function matchersText(matchers: readonly LabelMatcher[]): string {
  return `{${matchers.map(matcherText).sort().join(",")}}`;
}

/** Whether labels meet all of them. Throws RangeError where a regular expression is none. */
export function compileMatchers(matchers: readonly LabelMatcher[]): LabelTest {
  const tests = matchers.map((matcher) => ({ name: matcher.name, matches: testOfMatcher(matcher) }));
  return (labels) => tests.every(({ name, matches }) => matches(labelOf(labels, name)));
}

/**
 * Whether alerts can be found that it does not take. One that takes alerts without its label does not count: where nobody
 * has the label, it takes all. Every alert has a name and a severity.
 */
export function picksOut(matcher: LabelMatcher): boolean {
  const matches = testOfMatcher(matcher);
  if (matcher.name === "severity") return !SEVERITIES.every(matches);
  if (matcher.operator.startsWith("!")) return matcher.name === "alertname" && matcher.value !== "";
  return !matches("") && !UNLIKE.every(matches);
}

function testOfMatcher({ operator, value }: LabelMatcher): (text: string) => boolean {
  if (operator === "=") return (text) => text === value;
  if (operator === "!=") return (text) => text !== value;
  const matches = WORDS.test(value) ? anyOf(value.split("|")) : compileRegex(value);
  return operator === "=~" ? matches : (text) => !matches(text);
}

function anyOf(words: readonly string[]): (text: string) => boolean {
  const set = new Set(words);
  return (text) => set.has(text);
}

function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"')}"`;
}

/** Other backslashes stay as they are: regular expressions need them. */
function unescaped(text: string): string {
  return text.replaceAll(/\\(["\\n])/g, (_, letter: string) => (letter === "n" ? "\n" : letter));
}
