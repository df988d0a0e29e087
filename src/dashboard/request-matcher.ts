/** The series that a request about what is stored means: metric, filters and matchers. */
import { invalidField } from "../model/errors.ts";
import { compileMatcher, type MatcherOperator, type SeriesMatcher, type TagMatcher } from "../model/matcher.ts";
import { MatchOperator, type Matcher } from "../wire/gen/history_pb.ts";

export interface SeriesSelection {
  /** Exact name or glob. */
  readonly metric: string;
  readonly filters: Readonly<Record<string, string>>;
  readonly matchers: readonly Matcher[];
}

const OPERATORS: Readonly<Partial<Record<MatchOperator, MatcherOperator>>> = {
  [MatchOperator.EQUAL]: "=",
  [MatchOperator.NOT_EQUAL]: "!=",
  [MatchOperator.GLOB]: "glob",
  [MatchOperator.NOT_GLOB]: "!glob",
  [MatchOperator.REGEX]: "=~",
  [MatchOperator.NOT_REGEX]: "!~",
};

/** Throws INVALID_ARGUMENT that names the field, the value and what is wanted. */
export function requestMatcher({ metric, filters, matchers }: SeriesSelection): SeriesMatcher {
  return compileMatcher([metric], filters, "metric", matchers.map(tagMatcherOf));
}

function tagMatcherOf({ key, operator, value }: Matcher, i: number): TagMatcher {
  const known = OPERATORS[operator];
  if (known !== undefined) return { key, operator: known, value };
  const wanted = "one of EQUAL, NOT_EQUAL, GLOB, NOT_GLOB, REGEX and NOT_REGEX (MATCH_OPERATOR_…)";
  throw invalidField(`matchers[${i}].operator`, operator, wanted);
}
