/** The numbers in a JSON message, their names, times and tags. */
import { WatchpostError } from "../../model/errors.ts";
import { MAPPED_LENGTH_MAX, metricNameOf } from "../../model/metric-name.ts";
import { BATCH_POINTS_MAX, TAG_VALUE_BYTES_MAX } from "../../model/limits.ts";
import { readTimeUs } from "./message-time.ts";
import { numberOfText } from "./plain-numbers.ts";
import type { TopicSettings } from "./settings.ts";
import { namesOf, selectAll, selectBeside, type Selected, type ValuePath } from "./value-path.ts";

export const JSON_DEPTH_MAX = 32;
/** Of one message, numbers or not. */
const VALUES_MAX = 10 * BATCH_POINTS_MAX;
/** More than a tag's value may have. */
const TAG_LENGTH_MAX = 4 * TAG_VALUE_BYTES_MAX;

export interface NamedNumber {
  readonly metric: string;
  readonly value: number;
  /** Undefined: the message says none. */
  readonly timeUs: number | undefined;
  readonly tags: readonly (readonly [key: string, value: string])[];
}

type JsonSettings = Pick<
  TopicSettings,
  "values" | "name" | "time" | "timeUnit" | "tagPaths" | "words" | "separator" | "timeUnit"
>;

/** `base`: the metric of the topic or of the settings, if any. */
export type ReadJson = (root: unknown, base: string | undefined) => NamedNumber[];

const WHOLE: ValuePath = { text: "$", steps: [] };
const FIRST: readonly number[] = [];

/**
 * Names are made of the base, the text at `name`, the names in the path where there are several paths or nothing else, and the
 * names on the way to the number. What it returns throws INVALID_ARGUMENT where the message as a whole cannot be taken.
 */
export function jsonReader(settings: JsonSettings): ReadJson {
  const { name, words, separator } = settings;
  const described = placesOf(settings);
  const all = settings.values.length === 0 ? [WHOLE] : settings.values;
  const paths = all.map((path) => ({ path, names: namesOf(path), place: placeOf(path) }));
  return (root, base) => {
    const out: NamedNumber[] = [];
    for (const { path, names: ownNames, place } of paths) {
      const found = path.steps.length === 0 ? [{ value: root, indexes: FIRST }] : selectAll(root, path);
      for (const selected of found) {
        const { value } = selected;
        const named = name === undefined ? undefined : textAt(root, name, selected);
        if (name !== undefined && named === undefined) throw malformed(`there is no text at ${name.text}`);
        const before = [base, named].filter((part) => part !== undefined);
        const parts = paths.length > 1 || before.length === 0 ? [...before, ...ownNames] : before;
        const { timeUs, tags } = factsOf(root, selected, settings);
        const add = (names: readonly string[], number: number) => {
          if (names.length === 0)
            throw malformed("the number has no name: neither the topic nor the message gives one");
          if (out.length === BATCH_POINTS_MAX) throw malformed(`it holds more than ${BATCH_POINTS_MAX} numbers`);
          checkLength(names);
          out.push({ metric: metricNameOf(names.join(separator)), value: number, timeUs, tags });
        };
        // Where a path names the value itself, text that is a number is one.
        const isNamed = path.steps.length > 0 && typeof value === "string";
        const number = isNamed ? numberOfText(value, words) : numberOf(value, words);
        if (number !== undefined) add(parts, number);
        else if (typeof value === "object") flatten(value, parts, place, { described, words, add, seen: 0 });
      }
    }
    return out;
  };
}

interface Flattening {
  /** Places of what describes numbers and is none. */
  readonly described: ReadonlySet<string>;
  readonly words: ReadonlyMap<string, number>;
  /** Values that were looked at. */
  seen: number;
  add(names: readonly string[], value: number): void;
}

function flatten(value: object | null, names: readonly string[], place: string, into: Flattening, depth = 1): void {
  if (value === null) return;
  if (depth > JSON_DEPTH_MAX) throw malformed(`it is nested more than ${JSON_DEPTH_MAX} deep`);
  checkLength(names);
  const isList = Array.isArray(value);
  // Before there are as many texts.
  if (isList) see(value.length, into);
  const keys = Object.keys(value);
  if (!isList) see(keys.length, into);
  for (const key of keys) {
    const each = (value as Record<string, unknown>)[key];
    const at = `${place}\0${isList ? "*" : key}`;
    if (into.described.has(at)) continue;
    const number = numberOf(each, into.words);
    if (number !== undefined) into.add([...names, key], number);
    else if (typeof each === "object") flatten(each, [...names, key], at, into, depth + 1);
  }
}

function see(values: number, into: Flattening): void {
  into.seen += values;
  if (into.seen > VALUES_MAX) throw malformed(`it holds more than ${VALUES_MAX} values`);
}

/** A long key that much lies below would be copied for each of that. */
function checkLength(names: readonly string[]): void {
  const length = names.reduce((sum, each) => sum + each.length, 0);
  if (length > MAPPED_LENGTH_MAX) throw malformed(`the name of a number is longer than ${MAPPED_LENGTH_MAX}`);
}

function numberOf(value: unknown, words: ReadonlyMap<string, number>): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "string" ? words.get(value) : undefined;
}

const NO_FACTS = { timeUs: undefined, tags: [] };

function factsOf(root: unknown, selected: Selected, { time, timeUnit, tagPaths }: JsonSettings) {
  if (time === undefined && tagPaths.size === 0) return NO_FACTS;
  const tags: [string, string][] = [];
  for (const [tag, path] of tagPaths) {
    const text = textAt(root, path, selected);
    // What is far too long is refused as well as it is, but looked at for every number.
    if (text !== undefined && text !== "") tags.push([tag, text.slice(0, TAG_LENGTH_MAX)]);
  }
  const given = time === undefined ? undefined : (selectBeside(root, time, selected.indexes) ?? undefined);
  if (given === undefined) return { timeUs: undefined, tags };
  const timeUs = readTimeUs(given, timeUnit);
  if (timeUs === undefined) throw malformed(`${time!.text} is ${shown(given)}; wanted a time (${timeUnit})`);
  return { timeUs, tags };
}

function textAt(root: unknown, path: ValuePath, { indexes }: Selected): string | undefined {
  const value = selectBeside(root, path, indexes);
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}

function placesOf({ name, time, tagPaths }: JsonSettings): Set<string> {
  return new Set([name, time, ...tagPaths.values()].filter((path) => path !== undefined).map(placeOf));
}

function placeOf({ steps }: ValuePath): string {
  return steps.map((step) => `\0${step.kind === "key" ? step.key : "*"}`).join("");
}

function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 64)) : String(value).slice(0, 64);
}

function malformed(message: string): WatchpostError {
  return new WatchpostError("INVALID_ARGUMENT", message);
}
