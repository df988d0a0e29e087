/** What somebody may have meant by a setting that there is not. */
import { z } from "zod";
import { closestName } from "../model/closest-name.ts";

/**
 * The whole name of a setting that is called nearly like `key` in the table at `path`, or begins so, or is called just so in
 * another table; undefined where there is none, or more than one.
 */
export function meantSetting(schema: z.ZodType, path: readonly PropertyKey[], key: string): string | undefined {
  const known = Object.keys(shapeOf(tableAt(schema, path)));
  const begun = known.filter((name) => name.startsWith(`${key}_`));
  const meant = closestName(key, known) ?? (begun.length === 1 ? begun[0] : undefined);
  if (meant !== undefined) return [...path, meant].join(".");
  const others = Object.entries(shapeOf(schema)).flatMap(([table, inner]) =>
    Object.hasOwn(shapeOf(inner), key) ? [`${table}.${key}`] : [],
  );
  return others.length === 1 ? others[0] : undefined;
}

/** Undefined where there is no such table. */
function tableAt(schema: z.ZodType | undefined, path: readonly PropertyKey[]): z.ZodType | undefined {
  const [first, ...rest] = path;
  const bare = unwrapped(schema);
  if (first === undefined) return bare;
  if (bare instanceof z.ZodRecord) return tableAt(bare.valueType as z.ZodType, rest);
  if (bare instanceof z.ZodArray) return tableAt(bare.element as z.ZodType, rest);
  return tableAt(shapeOf(bare)[String(first)], rest);
}

function shapeOf(schema: z.ZodType | undefined): Readonly<Record<string, z.ZodType>> {
  const bare = unwrapped(schema);
  return bare instanceof z.ZodObject ? (bare.shape as Record<string, z.ZodType>) : {};
}

/** Without what is made of it, and without its defaults. */
function unwrapped(schema: z.ZodType | undefined): z.ZodType | undefined {
  if (schema instanceof z.ZodPipe) return unwrapped(schema.in as z.ZodType);
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) {
    return unwrapped(schema.unwrap() as z.ZodType);
  }
  return schema;
}
