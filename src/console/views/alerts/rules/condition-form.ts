/** Conditions as the form has them, and back. Pure: what the form holds is text, as it was typed. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Condition, ConditionSchema } from "../../../../wire/gen/rules_pb.ts";
import { KINDS, specOf, wireName, type FieldSpec, type Kind, type Texts } from "./condition-kinds.ts";
import type { Problem } from "../problems.ts";

export interface StepForm {
  readonly severity: string;
  readonly at: string;
  readonly clear: string;
}

export interface ConditionForm {
  readonly kind: Kind;
  /** Of the kinds that were filled in: whoever changes the kind and changes it back finds them again. */
  readonly texts: Readonly<Partial<Record<Kind, Texts>>>;
  /** Of a ladder. */
  readonly steps: readonly StepForm[];
  /** Of devices. */
  readonly statuses: readonly string[];
}

/** Another limit; where it cleared at the limit itself it goes on to. */
export function withLimit<T extends { readonly at?: string; readonly clear?: string }>(texts: T, at: string): T {
  const clearedThere = texts.clear !== undefined && texts.clear !== "" && texts.clear === texts.at;
  return { ...texts, at, ...(clearedThere && { clear: at }) };
}

/** What the server says of a limit as a whole, for the field where it is missing. */
export function atLimit(problem: Problem): Problem {
  if (!problem.text.includes("has neither above nor below")) return problem;
  return { field: `${problem.field}.above`, text: "The limit is missing: a number" };
}

type Fields = Record<string, unknown>;
interface Limit {
  readonly above?: number | undefined;
  readonly below?: number | undefined;
  readonly clear?: number | undefined;
}

/** Of a condition without any kind the first one, empty. */
export function conditionForm(condition: Condition | undefined): ConditionForm {
  const kind = KINDS.map((spec) => spec.kind).find((each) => condition?.[each] !== undefined) ?? "threshold";
  const given = (condition?.[kind] ?? {}) as Fields;
  const steps = condition?.ladder?.steps ?? [];
  return {
    kind,
    texts: { [kind]: textsOf(kind, kind === "ladder" ? { ...steps.at(0) } : given) },
    steps: steps.map((step) => ({ severity: step.severity, at: limitAt(step), clear: numberText(step.clear) })),
    statuses: [...(condition?.device?.status ?? [])],
  };
}

/** The kind's fields as they were left, or as they are at first. */
export function textsOfKind({ texts, kind }: ConditionForm): Texts {
  return texts[kind] ?? specOf(kind).initial;
}

/** `problems` gets what is no number; the rest is for the server to judge. */
export function conditionOfForm(form: ConditionForm, problems: Problem[]): MessageInitShape<typeof ConditionSchema> {
  const { kind, steps, statuses } = form;
  const texts = textsOfKind(form);
  const root = `rule.condition.${wireName(kind)}`;
  const numberIn = (text: string, field: string) => numberOf(text, field, problems);
  const limitIn = ({ at = "", clear = "" }: { at?: string; clear?: string }, path: string) => {
    const side = texts["side"] === "below" ? "below" : "above";
    const [value, clearAt] = [numberIn(at, `${path}.${side}`), numberIn(clear, `${path}.clear`)];
    return { ...(value !== undefined && { [side]: value }), ...(clearAt !== undefined && { clear: clearAt }) };
  };
  if (kind === "ladder") {
    const made = steps.map((step, i) => ({ severity: step.severity, ...limitIn(step, `${root}.steps[${i}]`) }));
    return { ladder: { steps: made } };
  }
  if (kind === "device") return { device: { status: [...statuses] } };
  const fields: Fields = {};
  for (const spec of specOf(kind).fields) {
    const value = valueOf(spec, texts[spec.name] ?? "", `${root}.${wireName(spec.name)}`, problems);
    if (value !== undefined) fields[spec.name] = value;
  }
  const { limit } = specOf(kind);
  if (limit !== undefined) Object.assign(fields, limitIn(limit === "plain" ? { at: texts["at"] ?? "" } : texts, root));
  return { [kind]: fields };
}

function textsOf(kind: Kind, given: Fields): Texts {
  const { fields, limit } = specOf(kind);
  const texts = fields.map((spec) => [spec.name, textOf(spec, given[spec.name])] as const);
  if (limit === undefined && kind !== "ladder") return Object.fromEntries(texts);
  const { below, clear } = given as Limit;
  const side = below === undefined ? "above" : "below";
  return { ...Object.fromEntries(texts), side, at: limitAt(given), clear: numberText(clear) };
}

function limitAt({ above, below }: Limit): string {
  return numberText(above ?? below);
}

function textOf({ type, hasPresence = false }: FieldSpec, value: unknown): string {
  if (type === "flag") return value === true ? "true" : "";
  if (typeof value === "number") return value === 0 && !hasPresence ? "" : String(value);
  return typeof value === "string" ? value : "";
}

function valueOf({ type }: FieldSpec, text: string, field: string, problems: Problem[]): unknown {
  if (type === "flag") return text === "true";
  if (type !== "number" && type !== "count") return text.trim();
  const value = numberOf(text, field, problems);
  if (type === "number" || value === undefined || isInt32(value)) return value;
  problems.push({ field, text: `${field} is ${text.trim()}; wanted a whole number` });
  return undefined;
}

function isInt32(value: number): boolean {
  return (value | 0) === value;
}

function numberText(value: number | undefined): string {
  return value === undefined ? "" : String(value);
}

/** Undefined for nothing, and for what is no number, which is a problem. */
function numberOf(text: string, field: string, problems: Problem[]): number | undefined {
  const typed = text.trim();
  if (typed === "") return undefined;
  // Decimal commas are what many people type; a thousand has none here.
  const value = Number(/^[+-]?\d+,\d+$/.test(typed) ? typed.replace(",", ".") : typed);
  if (Number.isFinite(value)) return value;
  problems.push({ field, text: `${field} is ${JSON.stringify(typed)}; wanted a number` });
  return undefined;
}
