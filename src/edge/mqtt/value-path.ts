/** Places in a JSON message: `temperature`, `battery.voltage`, `data[0].v`, `data[*].v`, `["a name.with dots"]`, and `$` for all of it. */
import { truncated, WatchpostError } from "../../model/errors.ts";
import { BATCH_POINTS_MAX } from "../../model/limits.ts";

export type Step =
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "each" };

export interface ValuePath {
  readonly text: string;
  readonly steps: readonly Step[];
}

/** What was found, and the indexes that its path's [*] stood for. */
export interface Selected {
  readonly value: unknown;
  readonly indexes: readonly number[];
}

const STEPS_MAX = 16;
const FOUND_MAX = 10 * BATCH_POINTS_MAX;
const WANTED = "one such as temperature, battery.voltage, data[*].v or $";
const STEP = /\.?([^.[\]"$]+)|\[(\d{1,6})\]|\[(\*)\]|\.?\["((?:[^"\\]|\\.)*)"\]/y;

/** Throws INVALID_ARGUMENT. */
export function parseValuePath(text: string): ValuePath {
  const steps: Step[] = [];
  let at = text.startsWith("$") ? 1 : 0;
  while (at < text.length) {
    STEP.lastIndex = at;
    const found = STEP.exec(text);
    if (found === null || steps.length === STEPS_MAX || (at > 0 && /^[^.[]/.test(found[0])) || isLeadingDot(text, at)) {
      throw invalidPath(text);
    }
    const [whole, name, index, each, quoted] = found;
    if (name !== undefined) steps.push({ kind: "key", key: name });
    else if (index !== undefined) steps.push({ kind: "index", index: Number(index) });
    else if (each !== undefined) steps.push({ kind: "each" });
    else steps.push({ kind: "key", key: quoted.replaceAll(/\\(.)/g, "$1") });
    at += whole.length;
  }
  if (text === "") throw invalidPath(text);
  return { text, steps };
}

function invalidPath(text: string): WatchpostError {
  return new WatchpostError("INVALID_ARGUMENT", `${JSON.stringify(truncated(text, 80))} is no path; wanted ${WANTED}`);
}

function isLeadingDot(text: string, at: number): boolean {
  return at === 0 && text.startsWith(".");
}

/** Everything that a path leads to, in order. What is not there gives nothing. Throws INVALID_ARGUMENT where that is too much. */
export function selectAll(root: unknown, { steps, text }: ValuePath): Selected[] {
  let found: Selected[] = [{ value: root, indexes: [] }];
  for (const step of steps) {
    if (step.kind === "each") {
      const lists = found.filter(({ value }) => Array.isArray(value)) as (Selected & { value: unknown[] })[];
      const total = lists.reduce((sum, { value }) => sum + value.length, 0);
      if (total > FOUND_MAX) throw new WatchpostError("INVALID_ARGUMENT", `more than ${FOUND_MAX} stand at ${text}`);
      found = lists.flatMap(({ value, indexes }) =>
        value.map((each, i) => ({ value: each, indexes: [...indexes, i] })),
      );
    } else {
      found = found
        .map(({ value, indexes }) => ({ value: stepInto(value, step), indexes }))
        .filter(({ value }) => value !== undefined);
    }
  }
  return found;
}

/** What stands there for what was found at these indexes: each [*] is the one of the same place there; beyond them the first. */
export function selectBeside(root: unknown, { steps }: ValuePath, indexes: readonly number[]): unknown {
  let value = root;
  let depth = 0;
  for (const step of steps) {
    value = stepInto(value, step.kind === "each" ? { kind: "index", index: indexes[depth++] ?? 0 } : step);
    if (value === undefined) return undefined;
  }
  return value;
}

function stepInto(value: unknown, step: Exclude<Step, { kind: "each" }>): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  if (step.kind === "index") return Array.isArray(value) ? (value as unknown[])[step.index] : undefined;
  return Object.hasOwn(value, step.key) ? (value as Record<string, unknown>)[step.key] : undefined;
}

/** The names in a path, without its indexes. */
export function namesOf({ steps }: ValuePath): string[] {
  return steps.flatMap((step) => (step.kind === "key" ? [step.key] : []));
}
