/** Readings as text: JSON Lines and CSV. Pure. */
import type { Point } from "./batch.ts";
import { splitCells } from "../model/csv.ts";
import { UNIT_COLUMN } from "./point-text.ts";

/** A point, or in words why the line is none. */
export type ParsedLine = Point | string;

/** Of a CSV record whose quoted cell goes on in the next line, or never ends. */
export const OPEN_QUOTE = "has a quote that does not end";

/** Later than any time is: the year 5138, at which a number of seconds would be taken for milliseconds. */
export const TIME_US_END = 1e17;

const ISO_8601 = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d+))?\s?(Z|[+-]\d{2}:?\d{2})?)?$/i;

/**
 * Unix microseconds of a timestamp: ISO 8601 text (UTC where it names no zone), or a number in seconds (below 1e11), milliseconds (below 1e14),
 * microseconds (below 1e17) or nanoseconds (below 1e20). 24:00 is the midnight after that day. Undefined where it is none
 * of these, or a day that the calendar does not have.
 */
export function parseTimeUs(given: unknown): number | undefined {
  const number = typeof given === "string" && /^\d+(\.\d+)?$/.test(given.trim()) ? Number(given) : given;
  if (typeof number === "number") {
    if (!(number >= 0 && number < 1e20)) return undefined;
    const factor = number < 1e11 ? 1e6 : number < 1e14 ? 1e3 : number < 1e17 ? 1 : 1e-3;
    return Math.floor(number * factor);
  }
  const [, date, time = "00:00", fraction = "", zone = "Z"] =
    (typeof given === "string" && ISO_8601.exec(given.trim())) || [];
  // Date knows milliseconds; what is finer is read from the text.
  const ms = Date.parse(`${date}T${time}${zone.toUpperCase()}`);
  if (Number.isNaN(ms) || !isDay(date)) return undefined;
  return ms * 1_000 + Number(fraction.slice(0, 6).padEnd(6, "0"));
}

/** Whether the calendar has it, of a date that can be parsed: February 30 is parsed as March 2. */
function isDay(date: string): boolean {
  return date.slice(8) <= "28" || new Date(date).toISOString().startsWith(date);
}

/**
 * One line of JSON: {"metric", "value", "timestamp"?, "source"?, "device"?, "tags"?, "id"?}. A device is the tag of that name where there
 * is none, unless it is the source itself, which is the device of what has no such tag.
 */
export function parseJsonLine(line: string): ParsedLine {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return "is no JSON";
  }
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) return "is no JSON object";
  return pointOf(fields);
}

/**
 * Reads the records under a CSV header: metric, value, timestamp, source, id by name, value_unit is nothing that is stored, and
 * every other column is a tag that an empty cell leaves out. A cell of the column "tags" may hold further tags as a JSON object.
 */
export function csvParser(header: string): ((record: string) => ParsedLine) | string {
  const columns = splitCells(header)?.map((name) => name.trim());
  if (columns === undefined) return OPEN_QUOTE;
  if (!columns.includes("metric") || !columns.includes("value")) {
    return `the CSV header is ${JSON.stringify(header.slice(0, 80))}; wanted columns metric, value, timestamp and tags`;
  }
  const timeName = columns.includes("timestamp") ? "timestamp" : "time";
  const [metricAt, valueAt, timeAt, sourceAt, idAt, tagsAt] = ["metric", "value", timeName, "source", "id", "tags"].map(
    (name) => columns.lastIndexOf(name),
  );
  const fixed = [metricAt, valueAt, timeAt, sourceAt, idAt, tagsAt];
  const isTag = (name: string, at: number) => !fixed.includes(at) && name !== UNIT_COLUMN;
  const tagsFrom = columns.map((name, at) => ({ name, at })).filter(({ name, at }) => isTag(name, at));
  return (record) => {
    const cells = splitCells(record);
    if (cells === undefined) return OPEN_QUOTE;
    if (cells.length !== columns.length) return `has ${cells.length} columns; the header has ${columns.length}`;
    const metric = cells[metricAt];
    const value = cells[valueAt].trim() === "" ? NaN : Number(cells[valueAt]);
    if (metric === "") return "metric is empty; wanted a name";
    if (Number.isNaN(value)) return `value is ${JSON.stringify(cells[valueAt])}; wanted a number`;
    const tags: [string, string][] = [];
    for (const { name, at } of tagsFrom) if (cells[at] !== "") tags.push([name, cells[at]]);
    if (tagsAt >= 0 && cells[tagsAt] !== "") tags.push(...furtherTags(cells[tagsAt]));
    const id = (idAt >= 0 && cells[idAt]) || undefined;
    const time = (timeAt >= 0 && cells[timeAt]) || undefined;
    return complete(metric, value, tags, sourceAt < 0 ? undefined : cells[sourceAt], time, id);
  };
}

/** A point of named fields as they were read, or in words why they are none. */
export function pointOf(fields: Readonly<Record<string, unknown>>): ParsedLine {
  const { metric, value, timestamp, source, device, tags, id } = fields;
  if (typeof metric !== "string" || metric === "") return `metric is ${shown(metric)}; wanted a name`;
  if (typeof value !== "number") return `value is ${shown(value)}; wanted a number`;
  if (typeof (tags ?? {}) !== "object" || Array.isArray(tags)) return "tags are no object";
  const isTag = !isMissing(device) && device !== "" && device !== source;
  // Of two tags of one name the last counts.
  const all: [string, string][] = [
    ...(isTag ? [["device", textOf(device)] as [string, string]] : []),
    ...tagsOf(tags ?? {}),
  ];
  return complete(metric, value, all, source, timestamp, id);
}

/** The text of every tag of an object that has a value. */
function tagsOf(tags: object): [string, string][] {
  return Object.entries(tags).flatMap(([key, tag]) => (isMissing(tag) ? [] : [[key, textOf(tag)]]));
}

/** Of a cell "tags": a JSON object of tags, or the tag of this name. */
export function furtherTags(cell: string): [string, string][] {
  const tags = jsonObjectOf(cell);
  return tags === undefined ? [["tags", cell]] : tagsOf(tags);
}

function complete(
  metric: string,
  value: number,
  tags: readonly (readonly [string, string])[],
  source: unknown,
  timestamp: unknown,
  id: unknown,
): ParsedLine {
  const point: { -readonly [K in keyof Point]: Point[K] } = { metric, value, tags: Object.fromEntries(tags) };
  if (!isMissing(source)) point.source = textOf(source);
  if (!isMissing(id)) point.id = String(id);
  if (isMissing(timestamp)) return point;
  const timeUs = parseTimeUs(timestamp);
  if (timeUs === undefined) {
    const given = typeof timestamp === "number" ? timestamp : JSON.stringify(timestamp);
    return `timestamp is ${given}; wanted ISO 8601 of a day that exists, or a number since 1970 and before the year 5138`;
  }
  point.timeUs = timeUs;
  return point;
}

function jsonObjectOf(text: string): Record<string, unknown> | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function isMissing(field: unknown): field is undefined | null {
  return field === undefined || field === null;
}

function textOf(field: unknown): string {
  return typeof field === "string" ? field : shown(field);
}

/** Parquet has whole numbers that JSON cannot write. */
function shown(field: unknown): string {
  return typeof field === "bigint" ? String(field) : JSON.stringify(field);
}
