import { invalidField, messageOf } from "./errors.ts";
import { compileGlob, isGlob } from "./glob.ts";
import { compileRegex, REGEX_LENGTH_MAX } from "./regex.ts";
import { deviceOf, metricOfKey, sourceOfKey, tagOf, tagOfKey, type SeriesIdentity } from "./series-key.ts";
import type { SeriesRegistry } from "./series-registry.ts";

const PATTERN_LENGTH_MAX = 1_024;
const MATCHERS_MAX = 64;

/** How a {@link TagMatcher} compares: equal, glob or regular expression of the whole value, each also negated. */
export type MatcherOperator = "=" | "!=" | "glob" | "!glob" | "=~" | "!~";

/** A condition on one value of a series; `key` as in filters. A series without the tag has the value "". */
export interface TagMatcher {
  readonly key: string;
  readonly operator: MatcherOperator;
  readonly value: string;
}

/** Which series a reader means: any of the metric patterns, every filter and every matcher. */
export interface SeriesMatcher {
  /** Metric names given exactly; the rest are globs. */
  readonly exactMetrics: readonly string[];
  readonly hasMetricGlobs: boolean;
  matchesMetric(metric: string): boolean;
  /** The filters and matchers alone. */
  matchesIdentity(identity: SeriesIdentity): boolean;
  /** The same of a canonical key, which is not taken apart for it. */
  matchesKey(key: string): boolean;
}

/**
 * Compiles what a request names. Filter keys are "source", "metric", "device" or a tag; values globs or alternatives.
 * A series without the tag has the value "". Throws INVALID_ARGUMENT on an empty list, an empty or an overlong pattern,
 * and on a regular expression that is none.
 */
export function compileMatcher(
  metricNames: readonly string[],
  filters: Readonly<Record<string, string>>,
  field = "metric_names",
  matchers: readonly TagMatcher[] = [],
): SeriesMatcher {
  if (metricNames.length === 0) throw invalidField(field, "", 'at least one metric name or glob; use "*" for all');
  for (const name of metricNames) checkPattern(field, name);
  const exact = new Set(metricNames.filter((name) => !isGlob(name)));
  const globs = metricNames.filter(isGlob).map(compileGlob);
  const tests = Object.entries(filters).map(([key, pattern]) => {
    checkPattern(`filters[${JSON.stringify(key)}]`, pattern);
    return { key, matches: compileGlob(pattern) };
  });
  tests.push(...testsOf(matchers));
  return {
    exactMetrics: [...exact],
    hasMetricGlobs: globs.length > 0,
    matchesMetric: (metric) => exact.has(metric) || globs.some((matches) => matches(metric)),
    matchesIdentity: (identity) => tests.every(({ key, matches }) => matches(valueForFilter(identity, key))),
    matchesKey:
      tests.length === 0
        ? () => true
        : (seriesKey) => tests.every(({ key, matches }) => matches(valueInKey(seriesKey, key))),
  };
}

interface ValueTest {
  readonly key: string;
  matches(value: string): boolean;
}

function testsOf(matchers: readonly TagMatcher[]): ValueTest[] {
  if (matchers.length > MATCHERS_MAX) {
    throw invalidField("matchers", `${matchers.length} matchers`, `at most ${MATCHERS_MAX}`);
  }
  let regexLength = 0;
  return matchers.map(({ key, operator, value }, i) => {
    if (key === "") throw invalidField(`matchers[${i}].key`, key, '"source", "metric", "device" or a tag');
    const field = `matchers[${i}].value`;
    if (operator === "=~" || operator === "!~") regexLength += value.length;
    if (regexLength > REGEX_LENGTH_MAX) {
      throw invalidField(field, value, `regular expressions of at most ${REGEX_LENGTH_MAX} characters together`);
    }
    return { key, matches: compileOperator(operator, value, field) };
  });
}

function compileOperator(operator: MatcherOperator, value: string, field: string): (text: string) => boolean {
  if (operator === "=" || operator === "!=") {
    const wanted = operator === "=";
    if (value.length > PATTERN_LENGTH_MAX) throw invalidField(field, value, `at most ${PATTERN_LENGTH_MAX} characters`);
    return (text) => (text === value) === wanted;
  }
  const wanted = operator === "glob" || operator === "=~";
  const matches = operator === "glob" || operator === "!glob" ? checkedGlob(value, field) : checkedRegex(value, field);
  return (text) => matches(text) === wanted;
}

function checkedGlob(pattern: string, field: string): (text: string) => boolean {
  checkPattern(field, pattern);
  return compileGlob(pattern);
}

function checkedRegex(pattern: string, field: string): (text: string) => boolean {
  try {
    return compileRegex(pattern);
  } catch (error) {
    throw invalidField(field, pattern, `a regular expression in RE2 syntax: ${messageOf(error)}`);
  }
}

function checkPattern(field: string, pattern: string): void {
  if (pattern.length === 0 || pattern.length > PATTERN_LENGTH_MAX) {
    throw invalidField(field, pattern, `a name or glob of 1 to ${PATTERN_LENGTH_MAX} characters`);
  }
}

/** What a filter or group_by key reads from a series; "" where it has none. */
export function valueForFilter(identity: SeriesIdentity, key: string): string {
  if (key === "source") return identity.source;
  if (key === "metric") return identity.metric;
  if (key === "device") return deviceOf(identity);
  return tagOf(identity, key) ?? "";
}

/** The same out of a canonical key. */
export function valueInKey(seriesKey: string, key: string): string {
  if (key === "source") return sourceOfKey(seriesKey);
  if (key === "metric") return metricOfKey(seriesKey);
  const value = tagOfKey(seriesKey, key);
  return value ?? (key === "device" ? sourceOfKey(seriesKey) : "");
}

/** Ids of all known series that match, ascending within each metric. */
export function matchingSeries(registry: SeriesRegistry, matcher: SeriesMatcher): number[] {
  const metrics = matcher.hasMetricGlobs
    ? [...registry.metrics()].filter((m) => matcher.matchesMetric(m))
    : matcher.exactMetrics;
  const found: number[] = [];
  for (const metric of metrics) {
    for (const id of registry.idsOfMetric(metric)) {
      if (matcher.matchesKey(registry.keyOf(id))) found.push(id);
    }
  }
  return found;
}
