/** What is wrong with something that a person wrote: where it stands, and what is said of it. */
import type { z } from "zod";
import { truncated, WatchpostError, type StatusName } from "../../model/errors.ts";

export type Path = readonly (string | number)[];

export interface Problem {
  readonly path: Path;
  /** Goes on behind the path: "is 5; wanted …", "has …", or a sentence of its own. */
  readonly text: string;
  /** The key is wrong, not what it holds. */
  readonly isKey: boolean;
}

const SHOWN_LENGTH_MAX = 80;
const PROBLEMS_SHOWN_MAX = 50;

/** A value as sentences show it. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(truncated(value, SHOWN_LENGTH_MAX));
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" && value !== null ? "a map" : String(value);
}

/** "rules[3].labels["a b"]"; `root` for the empty path. */
export function pathText(path: Path, root: string): string {
  let out = root;
  for (const part of path) {
    if (typeof part === "number") out += `[${part}]`;
    else if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(part)) out += `[${JSON.stringify(truncated(part, SHOWN_LENGTH_MAX))}]`;
    else out += out === "" ? part : `.${part}`;
  }
  return out;
}

/** The whole sentence. */
export function sentenceOf({ path, text }: Problem, root: string): string {
  const at = pathText(path, root);
  return `${at === "" ? "the file" : at}${/^(is|has) /.test(text) ? " " : ": "}${text}`;
}

/** What zod found, in order; unknown keys each by itself. */
export function problemsOf({ issues }: z.ZodError): Problem[] {
  return issues.flatMap((issue): Problem[] => {
    const path = issue.path as (string | number)[];
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({ path: [...path, key], text: "is unknown", isKey: true }));
    }
    const isKey = issue.code === "custom" && issue.params?.["isKey"] === true;
    return [{ path, text: issue.message, isKey }];
  });
}

const behind = new WeakMap<object, readonly Problem[]>();

/** What an error of {@link inputError} tells of; undefined for others. */
export function problemsBehind(error: unknown): readonly Problem[] | undefined {
  return typeof error === "object" && error !== null ? behind.get(error) : undefined;
}

/** All problems of a message, with a violation for each; fields begin with `root`. */
export function inputError(problems: readonly Problem[], root: string, status: StatusName): WatchpostError {
  const violations = problems.slice(0, PROBLEMS_SHOWN_MAX).map((problem) => ({
    field: pathText(problem.path, root),
    description: sentenceOf(problem, root),
  }));
  const lines = violations.map(({ description }) => description);
  const error = new WatchpostError(status, linesOf(lines, problems.length), { violations });
  behind.set(error, problems);
  return error;
}

/** Counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface PlacedSentence {
  readonly place: Place;
  readonly sentence: string;
}

/** All problems of a file in the order they stand in it, a line for each, which begins as "rules.yaml:3:9: ". */
export function fileError(file: string, problems: readonly PlacedSentence[]): WatchpostError {
  const inOrder = problems.toSorted((a, b) => a.place.line - b.place.line || a.place.column - b.place.column);
  const lines = inOrder
    .slice(0, PROBLEMS_SHOWN_MAX)
    .map(({ place, sentence }) => `  ${file}:${place.line}:${place.column}: ${sentence}`);
  return new WatchpostError("FAILED_PRECONDITION", `${file} is wrong:\n${linesOf(lines, problems.length)}`);
}

function linesOf(lines: readonly string[], total: number): string {
  const more = total > lines.length ? [`  and ${total - lines.length} more`] : [];
  return [...lines, ...more].join("\n");
}
