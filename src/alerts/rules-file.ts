/** A file of rules in YAML, and what else of alerts stands in it. */
import type { z } from "zod";
import type { WatchpostError } from "../model/errors.ts";
import { list } from "./input/fields.ts";
import { fileError, problemsOf, sentenceOf, shown, type Problem } from "./input/problem.ts";
import { record, type Fields, type Read, type Report } from "./input/record.ts";
import { readYaml } from "./input/yaml-document.ts";
import { ruleField } from "./rule-input.ts";
import type { Rule } from "./rule.ts";

const RULES_MAX = 100_000;

export interface RulesFile<S extends Fields> {
  /** In their order, from a file. */
  readonly rules: readonly Rule[];
  /** What stands under the other keys. */
  readonly sections: Read<S>;
  /** What else turns out to be wrong, as what is wrong in itself is told: paths begin at the top of the file. */
  errorOf(problems: readonly Problem[]): WatchpostError;
}

/**
 * Reads a file; `name` is what messages call it. `sections` are the keys that may stand beside `rules`, with what reads
 * each: undefined where it is missing. Throws FAILED_PRECONDITION with a line for everything that is wrong, which begins
 * with file, line and column: the file is taken whole or not at all.
 */
export function parseRulesFile<S extends Fields = {}>(
  name: string,
  content: string | Uint8Array,
  sections?: S,
): RulesFile<S> {
  const { value, placeOf } = readYaml(name, content);
  const errorOf = (problems: readonly Problem[]) =>
    fileError(
      name,
      problems.map((problem) => ({ place: placeOf(problem), sentence: sentenceOf(problem, "") })),
    );
  const { data, error } = fileField((sections ?? {}) as S).safeParse(value);
  if (error !== undefined) throw errorOf(problemsOf(error));
  return { ...data, errorOf };
}

function fileField<S extends Fields>(sections: S) {
  return record({
    fields: { rules: list("rules", ruleField, 0, RULES_MAX), ...sections } as { rules: z.ZodType<Rule[]> } & Fields,
    check: (given, _read, report) => checkNames(given["rules"], report),
    build: ({ rules, ...others }) => ({
      rules: rules.map((rule): Rule => ({ ...rule, isFromFile: true })),
      sections: others as Read<S>,
    }),
  });
}

/** Also of rules that have something else wrong with them. */
function checkNames(rules: unknown, report: Report): void {
  const first = new Map<unknown, number>();
  for (const [i, rule] of Array.isArray(rules) ? rules.entries() : []) {
    const name: unknown = rule?.name;
    if (typeof name !== "string") continue;
    const before = first.get(name);
    if (before === undefined) first.set(name, i);
    else report(["rules", i, "name"], `is ${shown(name)}; wanted another name than rules[${before}] has`);
  }
}
