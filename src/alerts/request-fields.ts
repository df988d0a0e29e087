/** Fields that several calls of the Alerts service have. */
import { scopeText } from "../model/access.ts";
import { invalidField } from "../model/errors.ts";
import type { SeesAlert } from "../model/sees-alert.ts";
import { nameIn } from "../model/texts.ts";
import type { CallContext } from "../wire/service.ts";

const TEXT_LENGTH_MAX = 4_096;
const [LABELS_MAX, LABEL_LENGTH_MAX] = [64, 1_024];

export function textIn(text: string, field: string): string {
  if (text.length > TEXT_LENGTH_MAX) throw invalidField(field, text, `at most ${TEXT_LENGTH_MAX} characters`);
  return text;
}

export function labelsIn(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const entries = Object.entries(labels);
  if (entries.length > LABELS_MAX) throw invalidField("labels", `${entries.length} labels`, `at most ${LABELS_MAX}`);
  for (const [key, value] of entries) {
    nameIn(key, "labels");
    if (value.length > LABEL_LENGTH_MAX) {
      throw invalidField(`labels[${JSON.stringify(key)}]`, value, `at most ${LABEL_LENGTH_MAX} characters`);
    }
  }
  return labels;
}

/** Throws INVALID_ARGUMENT where an alert with these labels would be out of the scope. */
export function checkPlace(
  labels: Readonly<Record<string, string>>,
  isSeen: SeesAlert,
  { name, scope }: CallContext["principal"],
): void {
  if (isSeen(labels)) return;
  const wanted = `source, device or site in the scope of ${JSON.stringify(name)}: ${scopeText(scope)}`;
  const said = Object.entries(labels).map(([label, value]) => `${label}=${value}`);
  throw invalidField("labels", said.join(", "), wanted);
}
