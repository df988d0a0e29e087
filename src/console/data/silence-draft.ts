/** A silence that is being written: what it begins with, and what it would cover. Pure. */
import { silencedLabels, type AlertRow } from "./alert-row.ts";
import { matcherText, parseMatcher, testOf, type LabelMatcher } from "./label-matcher.ts";

export interface Coverage {
  readonly covered: readonly AlertRow[];
  /** Only the server can tell. */
  readonly unsure: readonly AlertRow[];
  /** Of those it was meant for. */
  readonly missed: readonly AlertRow[];
  /** Places of matchers that are none. */
  readonly wrong: readonly number[];
}

const VALUES_MAX = 10;

/** Matchers that these alerts meet, and few others: their rules, and their devices or whatever else they have in common. */
export function matchersFor(rows: readonly AlertRow[]): string[] {
  const labels = rows.map(({ alert }) => silencedLabels(alert));
  const matcherOf = (name: string): LabelMatcher | undefined => {
    const values = [...new Set(labels.map((each) => each[name] ?? ""))];
    if (values.includes("") || values.length > VALUES_MAX) return undefined;
    if (values.length === 1) return { name, operator: "=", value: values[0] };
    return { name, operator: "=~", value: values.map(escaped).join("|") };
  };
  const [rule, device] = [matcherOf("alertname"), matcherOf("device")];
  const common = Object.entries(labels[0] ?? {})
    .filter(
      ([name, value]) => !["alertname", "severity"].includes(name) && labels.every((each) => each[name] === value),
    )
    .map(([name, value]): LabelMatcher => ({ name, operator: "=", value }));
  const matchers = [rule, ...(device === undefined ? common : [device])];
  return matchers.filter((matcher) => matcher !== undefined).map(matcherText);
}

/** Of what fires now. `meant`: alerts that it is for. */
export function coverageOf(
  texts: readonly string[],
  active: readonly AlertRow[],
  meant: readonly AlertRow[],
): Coverage {
  const matchers = texts.map(parseMatcher);
  const known = matchers.filter((matcher) => matcher !== undefined);
  const wrong = matchers.flatMap((matcher, i) => (matcher === undefined ? [i] : []));
  if (wrong.length > 0 || known.length === 0) return { covered: [], unsure: [], missed: [], wrong };
  const takes = testOf(known);
  const judged = Map.groupBy(active, ({ alert }) => takes(silencedLabels(alert)));
  const missed = meant.filter(({ alert }) => takes(silencedLabels(alert)) === false);
  return { covered: judged.get(true) ?? [], unsure: judged.get(undefined) ?? [], missed, wrong };
}

/** Punctuation of ASCII, which stands for itself once it is escaped. */
function escaped(value: string): string {
  return value.replaceAll(/[!-/:-@[-^`{-~]/g, "\\$&");
}
