/** Maps with known keys, as a person or a program writes them. */
import { z } from "zod";
import { closestName } from "../../model/closest-name.ts";
import { within, wordsOf, type Field } from "./fields.ts";
import { shown, type Path } from "./problem.ts";

export type Fields = Readonly<Record<string, z.ZodType>>;
export type Given = Readonly<Record<string, unknown>>;
export type Read<F extends Fields> = { readonly [K in keyof F]: z.output<F[K]> };
/** Says what is wrong; `text` goes on behind the path, which begins at the map. */
export type Report = (path: Path, text: string, isKey?: boolean) => void;

export interface RecordParts<F extends Fields, T> {
  readonly fields: F;
  /** What fields have to do with each other. `read` is without those that are wrong, `given` has all. */
  readonly check?: (given: Given, read: Partial<Read<F>>, report: Report) => void;
  /** Called where nothing is wrong. */
  readonly build: (read: Read<F>) => T;
}

/** Every field is looked at, whatever is wrong with others. Null is an empty map: in YAML "watchdog:" is. */
export function record<F extends Fields, T>({ fields, check, build }: RecordParts<F, T>): Field<T> {
  const known = Object.keys(fields);
  return z.transform((written, context): T => {
    const given = mapOf(written);
    if (given === undefined) {
      const is = written === undefined ? "missing" : shown(written);
      context.addIssue({ code: "custom", message: `is ${is}; wanted a map of ${wordsOf(known, "and")}` });
      return z.NEVER;
    }
    const read: Record<string, unknown> = {};
    const report: Report = (path, message, isKey = false) =>
      context.addIssue({ code: "custom", path: [...path], message, params: { isKey } });
    for (const key of Object.keys(given)) if (!known.includes(key)) report([key], unknownKey(key, known), true);
    for (const key of known) {
      const before = context.issues.length;
      const value = within(fields[key], Object.hasOwn(given, key) ? given[key] : undefined, [key], context);
      if (context.issues.length === before) read[key] = value;
    }
    check?.(given, read as Partial<Read<F>>, report);
    return context.issues.length > 0 ? z.NEVER : build(read as Read<F>);
  });
}

/** What was written for a map; undefined where it is none. */
export function mapOf(written: unknown): Given | undefined {
  if (written === null) return {};
  return typeof written === "object" && !Array.isArray(written) ? (written as Given) : undefined;
}

function unknownKey(key: string, known: readonly string[]): string {
  const closest = closestName(key, known);
  if (closest !== undefined) return `is unknown; did you mean ${closest}?`;
  return `is unknown; wanted ${known.length === 0 ? "nothing here" : wordsOf(known)}`;
}
