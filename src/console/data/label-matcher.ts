/** Matchers of silences, as far as a page can tell what they take: `device=pump-1`, `severity!="low"`, `site=~"north|south"`. */

export type LabelOperator = "=" | "!=" | "=~" | "!~";

export interface LabelMatcher {
  readonly name: string;
  readonly operator: LabelOperator;
  readonly value: string;
}

/** Undefined: the server alone can tell. */
export type LabelTest = (labels: Readonly<Record<string, string>>) => boolean | undefined;

const QUOTED = '"((?:[^"\\\\]|\\\\.)*)"';
const SYNTAX = new RegExp(`^\\s*(?:${QUOTED}|([^\\s"=!~{},]+))\\s*(=~|!~|!=|=)\\s*(?:${QUOTED}|([^",]*?))\\s*$`, "s");
/** Of letters, dots and few repetitions of these: what cannot take long, and means the same in all syntaxes. */
const SIMPLE_WORD = /^(?:[\w :/@%#,;-]|\\[^\w\s]|\.[*+]?)*$/;
const REPETITIONS_MAX = 2;

/** Undefined: it is none. */
export function parseMatcher(text: string): LabelMatcher | undefined {
  const parts = SYNTAX.exec(text);
  if (parts === null) return undefined;
  const [, quotedName, name, operator, quotedValue, value] = parts;
  return {
    name: unescaped(quotedName ?? name),
    operator: operator as LabelOperator,
    value: unescaped(quotedValue ?? value),
  };
}

/** As it is written; {@link parseMatcher} reads it. */
export function matcherText({ name, operator, value }: LabelMatcher): string {
  const isPlain = (text: string) => /^[^\s"=!~{},\\]+$/.test(text);
  return `${isPlain(name) ? name : quoted(name)}${operator}${isPlain(value) ? value : quoted(value)}`;
}

/** Whether labels meet all of them; a label that is not there is "". */
export function testOf(matchers: readonly LabelMatcher[]): LabelTest {
  const tests = matchers.map((matcher) => ({ name: matcher.name, takes: valueTestOf(matcher) }));
  return (labels) => {
    let isSure = true;
    for (const { name, takes } of tests) {
      const answer = takes?.(Object.hasOwn(labels, name) ? labels[name] : "");
      if (answer === false) return false;
      if (answer === undefined) isSure = false;
    }
    return isSure ? true : undefined;
  };
}

/** Undefined: only the server may try it, whose expressions take no longer than their text is long. */
function valueTestOf({ operator, value }: LabelMatcher): ((text: string) => boolean) | undefined {
  if (operator === "=") return (text) => text === value;
  if (operator === "!=") return (text) => text !== value;
  if (!value.split("|").every(isSimple)) return undefined;
  const expression = new RegExp(`^(?:${value})$`);
  return operator === "=~" ? (text) => expression.test(text) : (text) => !expression.test(text);
}

function isSimple(word: string): boolean {
  return SIMPLE_WORD.test(word) && (word.match(/\.[*+]/g) ?? []).length <= REPETITIONS_MAX;
}

function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"')}"`;
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(["\\n])/g, (_, letter: string) => (letter === "n" ? "\n" : letter));
}
