/** Titles and descriptions of alerts: text with {value} and the like, taken apart once. */
import { truncated } from "../model/errors.ts";
import { closestName } from "../model/closest-name.ts";
import type { Severity } from "./severity.ts";

export const TITLE_LENGTH_MAX = 256;
export const DESCRIPTION_LENGTH_MAX = 4_096;

export interface TemplateContext {
  readonly value: number;
  readonly limit: number;
  readonly metric: string;
  readonly source: string;
  readonly device: string;
  readonly severity: Severity;
  readonly rule: string;
  /** Of a device, and why it has it: of alerts on that. */
  readonly status?: string;
  readonly reason?: string;
  readonly labels: Readonly<Record<string, string>>;
}

export type Template = (context: TemplateContext) => string;

type Part = string | Template;

const NAMES = ["value", "limit", "metric", "source", "device", "severity", "rule", "status", "reason"] as const;
const LABELS = "labels.";
const WANTED = `${NAMES.map((name) => `{${name}}`).join(", ")} or {${LABELS}KEY}`;
/** Decimals that a sensor means; more are noise of binary fractions. */
const DIGITS = 6;
const WHOLE_FROM = 10 ** (DIGITS - 1);
/** Whole numbers below are shown with all of their digits. */
const WHOLE_MAX = 1e15;

/**
 * Names in braces stand for what the context holds, {labels.KEY} for a label, or "" without it; {{ and }} are braces
 * (not around $NAME, which is meant for Prometheus and would come out as it is).
 * What comes out is at most `lengthMax` characters, cut with an ellipsis. Values are put in as they are: escaping is up
 * to who sends them. Throws RangeError that says what is wrong at which character, the first being 1.
 */
export function compileTemplate(text: string, lengthMax = DESCRIPTION_LENGTH_MAX): Template {
  const parts = [...text.matchAll(/\{\{ *\$[^{}]*\}\}|\{\{|\}\}|\{[^{}]*\}?|\}|[^{}]+/g)].map(({ 0: part, index }) =>
    partOf(part, index),
  );
  return (context) => cut(parts.map((part) => (typeof part === "string" ? part : part(context))).join(""), lengthMax);
}

/** A number for people: six digits, whole numbers with all of theirs, "n/a" for none. */
export function formatValue(value: number): string {
  if (Number.isNaN(value)) return "n/a";
  const size = Math.abs(value);
  if (size < WHOLE_MAX && (Number.isInteger(value) || size >= WHOLE_FROM)) return String(Math.round(value));
  return String(Number(value.toPrecision(DIGITS)));
}

function partOf(part: string, index: number): Part {
  if (part === "{{") return "{";
  if (part === "}}") return "}";
  if (part.startsWith("{{")) {
    throw new RangeError(`${truncated(part, 40)} at character ${index + 1} is Prometheus' syntax; wanted ${WANTED}`);
  }
  if (part === "}") throw new RangeError(`the } at character ${index + 1} closes nothing; wanted }} for a brace`);
  if (!part.startsWith("{")) return part;
  if (!part.endsWith("}")) {
    throw new RangeError(`the { at character ${index + 1} is not closed; wanted ${WANTED}, or {{ for a brace`);
  }
  return valueOf(part.slice(1, -1), index);
}

function valueOf(name: string, index: number): Template {
  if (name.startsWith(LABELS) && name.length > LABELS.length) {
    const key = name.slice(LABELS.length);
    return ({ labels }) => (Object.hasOwn(labels, key) ? labels[key] : "");
  }
  const known = NAMES.find((each) => each === name);
  if (known === undefined) {
    const closest = closestName(name, NAMES);
    const wanted = closest === undefined ? `wanted ${WANTED}` : `did you mean {${closest}}?`;
    throw new RangeError(`{${truncated(name, 40)}} at character ${index + 1} is unknown; ${wanted}`);
  }
  if (known === "value" || known === "limit") return (context) => formatValue(context[known]);
  return (context) => context[known] ?? "";
}

/** Never in the middle of a character. */
function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  const isHalf = /[\ud800-\udbff]/.test(text[max - 2]);
  return `${text.slice(0, isHalf ? max - 2 : max - 1)}…`;
}
