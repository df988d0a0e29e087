/** Labels that a rule puts on its alerts. */
import { z } from "zod";
import type { Field } from "./input/fields.ts";
import { text, within } from "./input/fields.ts";
import { shown } from "./input/problem.ts";
import { mapOf } from "./input/record.ts";

const LABELS_MAX = 64;
const LABEL_BYTES_MAX = 256;
/** Every alert has these of its own. */
const RESERVED = ["alertname", "severity"];

const value = text(
  `text of 1 to ${LABEL_BYTES_MAX} bytes, in quotes where it looks like something else`,
  (given) => given !== "" && Buffer.byteLength(given) <= LABEL_BYTES_MAX,
);

/** Keys as Prometheus has them. Missing or null: none. */
export const labelsField: Field<Readonly<Record<string, string>>> = z.transform((written, context) => {
  const given = mapOf(written ?? null);
  const wrong = (message: string, path: string[] = []) =>
    context.addIssue({ code: "custom", path, message, params: { isKey: path.length > 0 } });
  if (given === undefined) {
    wrong(`is ${shown(written)}; wanted a map of labels`);
    return z.NEVER;
  }
  const entries = Object.entries(given);
  if (entries.length > LABELS_MAX) wrong(`has ${entries.length} labels; wanted at most ${LABELS_MAX}`);
  const labels: Record<string, string> = {};
  for (const [key, written] of entries) {
    if (RESERVED.includes(key)) wrong("is set by Watchpost; wanted another name", [key]);
    // Two underscores are Prometheus' own, and "__proto__" would not become a key.
    else if (!/^(?!__)[A-Za-z_][A-Za-z0-9_]*$/.test(key) || key.length > LABEL_BYTES_MAX) {
      wrong("is no name of a label; wanted letters, digits and '_', not beginning with a digit or __", [key]);
    } else labels[key] = within(value, written, [key], context);
  }
  return labels;
});
