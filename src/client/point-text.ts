/** Points as text, exactly: what parse-point reads back is the same to the bit. Pure. */
import { cellOf } from "../model/csv.ts";

/** Points of one series: columns of equal length, ascending in time. */
export interface SeriesRows {
  readonly metric: string;
  readonly source: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Unix microseconds, whole. */
  readonly timesUs: readonly number[];
  readonly values: readonly number[];
}

export interface RowFormat {
  /** What stands at the beginning of a file. */
  readonly head: string;
  /** The rows [from, to), a line each at least. */
  text(rows: SeriesRows, from: number, to: number): string;
}

/** In what the values are, for people: it is not stored with points. */
export const UNIT_COLUMN = "value_unit";
/** Columns that mean something else than a tag of their name. */
const FIXED_COLUMNS = new Set(["metric", "source", "timestamp", "time", "value", UNIT_COLUMN, "id", "tags"]);
const TAG_COLUMNS_MAX = 64;

/** {"metric", "source", "tags", "timestamp", "value"} a line. */
export const jsonLines: RowFormat = {
  head: "",
  text({ metric, source, tags, timesUs, values }, from, to) {
    const names = JSON.stringify({ metric, source, tags });
    const start = `${names.slice(0, -1)},"timestamp":"`;
    let text = "";
    for (let i = from; i < to; i++) text += `${start}${isoOfUs(timesUs[i])}","value":${decimalOf(values[i])}}\n`;
    return text;
  },
};

/**
 * CSV with a column for each of `tagColumns`, in which an empty cell means that the tag is not there. The column "tags"
 * holds every other tag as a JSON object: those without a column, and those that are there and empty.
 */
export function csvRows(tagColumns: readonly string[]): RowFormat {
  return {
    head: `${["metric", "source", "timestamp", "value", ...tagColumns, "tags"].map(cellOf).join(",")}\n`,
    text({ metric, source, tags, timesUs, values }, from, to) {
      const others = Object.entries(tags).filter(([key, tag]) => tag === "" || !tagColumns.includes(key));
      const cells = tagColumns.map((key) => cellOf(Object.hasOwn(tags, key) ? tags[key] : ""));
      cells.push(others.length === 0 ? "" : cellOf(JSON.stringify(Object.fromEntries(others))));
      const start = `${cellOf(metric)},${cellOf(source)},`;
      const end = `,${cells.join(",")}\n`;
      let text = "";
      for (let i = from; i < to; i++) text += `${start}${isoOfUs(timesUs[i])},${decimalOf(values[i])}${end}`;
      return text;
    },
  };
}

/** Which tags get a column of their own: of plain names, the first of them in order of name. */
export function csvTagColumns(keys: Iterable<string>): string[] {
  const plain = [...new Set(keys)].filter((key) => !FIXED_COLUMNS.has(key) && /^[\p{L}\p{N}_.:/-]+$/u.test(key));
  return plain.sort().slice(0, TAG_COLUMNS_MAX);
}

/** The shortest decimal that is this double, "-0" included. */
export function decimalOf(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** ISO 8601 in UTC to the microsecond. */
export function isoOfUs(timeUs: number): string {
  const ms = Math.floor(timeUs / 1_000);
  const iso = new Date(ms).toISOString();
  const us = timeUs - ms * 1_000;
  return us === 0 ? iso : `${iso.slice(0, -1)}${String(us).padStart(3, "0")}Z`;
}
