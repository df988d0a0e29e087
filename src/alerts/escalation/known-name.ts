import { closestName } from "../../model/closest-name.ts";
import { field, wordsOf, type Field } from "../input/fields.ts";

const NAMES_SHOWN_MAX = 10;

/** A name that has to be one of `names`; `what`: "a receiver". */
export function knownName(what: string, names: readonly string[]): Field<string> {
  const known = new Set(names);
  return field(`the name of ${what}`, (given) => {
    if (typeof given !== "string" || known.has(given)) return given as string | undefined;
    throw new RangeError(wantedName(what, given, names));
  });
}

/** What is said of a name that is none of them. */
export function wantedName(what: string, given: string, names: readonly string[]): string {
  const closest = closestName(given, names);
  if (closest !== undefined) return `did you mean ${closest}?`;
  const shown = [...new Set(names)].filter((name) => name !== "").slice(0, NAMES_SHOWN_MAX);
  return shown.length === 0 ? `wanted ${what}, and there are none` : `wanted ${what}, such as ${wordsOf(shown)}`;
}
