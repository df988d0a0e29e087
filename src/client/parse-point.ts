/** Readings as text: JSON Lines and CSV. Pure. */
import type { Point } from "./batch.ts";

/** A point, or in words why the line is none. */
export type ParsedLine = Point | string;

/** Of a CSV record whose quoted cell goes on in the next line, or never ends. */
export const OPEN_QUOTE = "has a quote that does not end";

const ISO_8601 = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d+))?\s?(Z|[+-]\d{2}:?\d{2})?)?$/i;

/**
 * Unix microseconds of a timestamp: ISO 8601 text (UTC where it names no zone), or a number in seconds (below 1e11), milliseconds (below 1e14),
 * microseconds (below 1e17) or nanoseconds. Undefined where it is none of these.
 */
export function parseTimeUs(given: unknown): number | undefined {
  const number = typeof given === "string" && /^\d+(\.\d+)?$/.test(given.trim()) ? Number(given) : given;
  if (typeof number === "number") {
    if (!(number >= 0)) return undefined;
    const factor = number < 1e11 ? 1e6 : number < 1e14 ? 1e3 : number < 1e17 ? 1 : 1e-3;
    return Math.floor(number * factor);
  }
  const [, date, time = "00:00", fraction = "", zone = "Z"] =
    (typeof given === "string" && ISO_8601.exec(given.trim())) || [];
  // Date knows milliseconds; what is finer is read from the text.
  const ms = Date.parse(`${date}T${time}${zone.toUpperCase()}`);
  if (Number.isNaN(ms)) return undefined;
  return ms * 1_000 + Number(fraction.slice(0, 6).padEnd(6, "0"));
}

/** One line of JSON: {"metric", "value", "timestamp"?, "tags"?, "id"?}. */
export function parseJsonLine(line: string): ParsedLine {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return "is no JSON";
  }
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) return "is no JSON object";
  const { metric, value, timestamp, tags = {}, id } = fields;
  if (typeof metric !== "string" || metric === "") return `metric is ${JSON.stringify(metric)}; wanted a name`;
  if (typeof value !== "number") return `value is ${JSON.stringify(value)}; wanted a number`;
  if (typeof tags !== "object" || tags === null || Array.isArray(tags)) return "tags are no object";
  const texts = Object.entries(tags).map(([key, tag]) => [key, typeof tag === "string" ? tag : JSON.stringify(tag)]);
  return withTime({ metric, value, tags: Object.fromEntries(texts) }, timestamp, id);
}

/**
 * Reads the lines under a CSV header: metric, value, timestamp, id by name, every other column is a tag. A column source,
 * which exported readings have, is left out: the sender is given for the whole upload. A quoted cell may hold line ends.
 */
export function csvParser(header: string): ((line: string) => ParsedLine) | string {
  const columns = splitCsv(header)?.map((name) => name.trim());
  if (columns === undefined) return OPEN_QUOTE;
  if (!columns.includes("metric") || !columns.includes("value")) {
    return `the CSV header is ${JSON.stringify(header.slice(0, 80))}; wanted columns metric, value, timestamp and tags`;
  }
  return (line) => {
    const cells = splitCsv(line);
    if (cells === undefined) return OPEN_QUOTE;
    if (cells.length !== columns.length) return `has ${cells.length} columns; the header has ${columns.length}`;
    const fields = Object.fromEntries(columns.map((name, i) => [name, cells[i]]));
    const { metric, value, timestamp, time, id, source: _, ...tags } = fields;
    const number = value.trim() === "" ? NaN : Number(value);
    if (metric === "") return "metric is empty; wanted a name";
    if (Number.isNaN(number)) return `value is ${JSON.stringify(value)}; wanted a number`;
    const given = Object.entries(tags).filter(([, tag]) => tag !== "");
    return withTime(
      { metric, value: number, tags: Object.fromEntries(given) },
      (timestamp ?? time) || undefined,
      id || undefined,
    );
  };
}

function withTime(point: Point, timestamp: unknown, id: unknown): ParsedLine {
  const named = id === undefined ? point : { ...point, id: String(id) };
  if (timestamp === undefined || timestamp === null) return named;
  const timeUs = parseTimeUs(timestamp);
  if (timeUs !== undefined) return { ...named, timeUs };
  return `timestamp is ${JSON.stringify(timestamp)}; wanted ISO 8601 or a number since 1970`;
}

/** The cells of a line; quoted ones may hold commas and doubled quotes. Undefined where a quote does not end. */
function splitCsv(line: string): string[] | undefined {
  const cells: string[] = [];
  let at = 0;
  for (;;) {
    if (line[at] === '"') {
      let cell = "";
      for (at++; ; at++) {
        const quote = line.indexOf('"', at);
        if (quote < 0) return undefined;
        cell += line.slice(at, quote);
        at = quote + 1;
        if (line[at] !== '"') break;
        cell += '"';
      }
      cells.push(cell);
    } else {
      const comma = line.indexOf(",", at);
      const end = comma < 0 ? line.length : comma;
      cells.push(line.slice(at, end));
      at = end;
    }
    if (at >= line.length) return cells;
    at++;
  }
}
