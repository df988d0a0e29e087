/**
 * Which alerts belong together, as it is written in YAML:
 *
 *     correlation: { window: 15m, labels: [line] }
 */
import { durationMs, list, optional, text, type Field } from "./input/fields.ts";
import { inputError, problemsOf, shown } from "./input/problem.ts";
import { record, type Report } from "./input/record.ts";
import { CORRELATION, type Correlation } from "./incidents.ts";

const LABELS_MAX = 16;
const LABEL_BYTES_MAX = 256;
const WINDOW_MS_MIN = 1_000;
/** Incidents are kept for as long. */
const WINDOW_MS_MAX = 7 * 86_400_000;
/** Values that alerts share without having a cause in common. */
const TELLS_NOTHING: Readonly<Record<string, string>> = {
  site: "labels of what fails together, such as line: alerts of the same site alone are no incident",
  alertname: "a label of rules or series: alerts have no such one",
  severity: "a label of rules or series: alerts have no such one",
};

const label = text(
  "the name of a label",
  (given) => given.trim() !== "" && Buffer.byteLength(given) <= LABEL_BYTES_MAX,
);

const correlationField: Field<Correlation> = record({
  fields: {
    window: optional(durationMs(WINDOW_MS_MIN, WINDOW_MS_MAX), CORRELATION.windowMs),
    labels: list("labels", label, 0, LABELS_MAX),
  },
  check: (given, _read, report) => checkLabels(given["labels"], report),
  build: ({ window, labels }) => ({ windowMs: window, labels }),
});

/** Undefined: as it is where nobody says. Throws FAILED_PRECONDITION with all that is wrong. */
export function correlationOf(written: unknown): Correlation {
  if (written === undefined) return CORRELATION;
  const { success, data, error } = correlationField.safeParse(written);
  if (success) return data;
  const problems = problemsOf(error).map((problem) => ({ ...problem, path: ["correlation", ...problem.path] }));
  throw inputError(problems, "", "FAILED_PRECONDITION");
}

function checkLabels(written: unknown, report: Report): void {
  const labels: unknown[] = Array.isArray(written) ? written : [];
  for (const [i, name] of labels.entries()) {
    if (typeof name !== "string") continue;
    const wanted = Object.hasOwn(TELLS_NOTHING, name) ? TELLS_NOTHING[name] : undefined;
    if (wanted !== undefined) report(["labels", i], `is ${shown(name)}; wanted ${wanted}`);
    else if (labels.indexOf(name) < i) report(["labels", i], `is ${shown(name)} again; wanted each label once`);
  }
}
