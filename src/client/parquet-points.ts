/** Points from a Parquet file, a row group at a time. */
import { open, type FileHandle } from "node:fs/promises";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { parquetMetadataAsync, parquetRead, snappyUncompress, type AsyncBuffer, type RowGroup } from "hyparquet";
import { WatchpostError } from "../model/errors.ts";
import { furtherTags, pointOf, TIME_US_END, type ParsedLine } from "./parse-point.ts";
import type { LinePoint, ReadOptions } from "./point-file.ts";

/** A row group is unpacked as a whole. */
const GROUP_BYTES_MAX = 1024 ** 3;
const GROUP_ROWS_MAX = 10_000_000;
const PAGE_BYTES_MAX = 256 * 1024 * 1024;

const YIELDED_AT_ONCE = 1_000;

/** A time that says its unit: no guess by its size is needed. */
class ExactTime {
  readonly timeUs: number;
  constructor(timeUs: number) {
    this.timeUs = timeUs;
  }
}

const text = new TextDecoder("utf-8", { ignoreBOM: true });
const exactly = (us: bigint) => new ExactTime(Number(us));
const parsers = {
  timestampFromMilliseconds: (millis: bigint | undefined) => (millis === undefined ? millis : exactly(millis * 1_000n)),
  timestampFromMicroseconds: (micros: bigint | undefined) => (micros === undefined ? micros : exactly(micros)),
  timestampFromNanoseconds: (nanos: bigint | undefined) => (nanos === undefined ? nanos : exactly(nanos / 1_000n)),
  stringFromBytes: (bytes: Uint8Array | undefined) => bytes && text.decode(bytes),
};

const compressors = {
  SNAPPY(input: Uint8Array, length: number): Uint8Array {
    const output = new Uint8Array(bounded(length));
    snappyUncompress(input, output);
    return output;
  },
  GZIP: (input: Uint8Array, length: number): Uint8Array => gunzipSync(input, { maxOutputLength: bounded(length) || 1 }),
  ZSTD: (input: Uint8Array, length: number): Uint8Array =>
    zstdDecompressSync(input, { maxOutputLength: bounded(length) || 1 }),
};

/**
 * Columns as in CSV: metric, value, timestamp, source, id, tags (JSON text or a map); every other column is a tag.
 * Timestamps of a type with a unit are exact, others are read as in text. `fromLine` counts rows. Throws where
 * the file is cut, damaged or wants more memory than a row group may.
 */
export async function* parquetPoints(file: string, options: ReadOptions): AsyncIterable<LinePoint[]> {
  const { onBadLine, fromLine = 0, signal } = options;
  if (file === "-") throw new WatchpostError("INVALID_ARGUMENT", "Parquet is read from its end; wanted a file");
  await using handle = await open(file);
  const buffer = await bufferOf(handle, options);
  const metadata = await parquetMetadataAsync(buffer, { parsers });
  let groupStart = 0;
  for (const group of metadata.row_groups) {
    const rowStart = groupStart;
    const rows = rowsOf(group);
    const rowEnd = (groupStart += rows);
    // Rows count from 1.
    if (rowEnd < fromLine || rows === 0) continue;
    const columns = new Map<string, unknown[]>();
    await parquetRead({
      file: buffer,
      metadata,
      rowStart,
      rowEnd,
      parsers: parsers as never,
      compressors,
      onChunk({ columnName, columnData }) {
        const column = columns.get(columnName) ?? [];
        for (const cell of columnData as ArrayLike<unknown> & Iterable<unknown>) column.push(cell);
        columns.set(columnName, column);
      },
    });
    checkColumns(columns, rows);
    let found: LinePoint[] = [];
    for (let i = Math.max(0, fromLine - 1 - rowStart); i < rows; i++) {
      const point = rowPoint(columns, i);
      const line = rowStart + i + 1;
      if (typeof point === "string") onBadLine?.({ file, line, reason: point });
      else found.push({ ...point, line });
      if (found.length < YIELDED_AT_ONCE) continue;
      if (signal?.aborted) return;
      yield found;
      found = [];
    }
    yield found;
  }
}

async function bufferOf(handle: FileHandle, { onBytes }: ReadOptions): Promise<AsyncBuffer> {
  const { size } = await handle.stat();
  let read = 0;
  return {
    byteLength: size,
    async slice(start, end = size) {
      const bytes = new Uint8Array(Math.max(0, Math.min(end, size) - start));
      let length = 0;
      while (length < bytes.length) {
        const { bytesRead } = await handle.read(bytes, length, bytes.length - length, start + length);
        if (bytesRead === 0) throw new WatchpostError("DATA_LOSS", `it ends at byte ${start + length}`);
        length += bytesRead;
      }
      onBytes?.(Math.min((read += length), size));
      return bytes.buffer;
    },
  };
}

function rowsOf({ num_rows: rows, total_byte_size: bytes }: RowGroup): number {
  if (rows >= 0 && rows <= GROUP_ROWS_MAX && bytes <= GROUP_BYTES_MAX) return Number(rows);
  throw new WatchpostError(
    "RESOURCE_EXHAUSTED",
    `a row group has ${rows} rows of ${bytes} bytes; wanted at most ${GROUP_ROWS_MAX} of ${GROUP_BYTES_MAX}`,
  );
}

function bounded(bytes: number): number {
  if (bytes >= 0 && bytes <= PAGE_BYTES_MAX) return bytes;
  throw new WatchpostError("RESOURCE_EXHAUSTED", `a page has ${bytes} bytes; wanted at most ${PAGE_BYTES_MAX}`);
}

function checkColumns(columns: ReadonlyMap<string, unknown[]>, rows: number): void {
  const names = [...columns.keys()];
  if (!columns.has("metric") || !columns.has("value")) {
    const message = `its columns are ${names.join(", ")}; wanted metric, value, timestamp and tags`;
    throw new WatchpostError("INVALID_ARGUMENT", message);
  }
  const short = names.find((name) => columns.get(name)!.length !== rows);
  if (short === undefined) return;
  const message = `column ${short} has ${columns.get(short)!.length} rows; the row group has ${rows}`;
  throw new WatchpostError("DATA_LOSS", message);
}

function rowPoint(columns: ReadonlyMap<string, unknown[]>, row: number): ParsedLine {
  const fields: Record<string, unknown> = {};
  const tags: [string, unknown][] = [];
  for (const [name, column] of columns) {
    const cell = column[row];
    if (cell === undefined || cell === null) continue;
    if (name === "tags") tags.push(...tagsOf(cell));
    else if (FIELDS.has(name)) fields[name === "time" ? "timestamp" : name] = cell;
    else tags.push([name, cell instanceof ExactTime || typeof cell === "bigint" ? String(cell) : cell]);
  }
  const { timestamp, value } = fields;
  if (typeof value === "bigint") fields["value"] = Number(value);
  if (typeof timestamp === "bigint") fields["timestamp"] = Number(timestamp);
  if (timestamp instanceof ExactTime) delete fields["timestamp"];
  const point = pointOf({ ...fields, tags: Object.fromEntries(tags) });
  if (typeof point === "string" || !(timestamp instanceof ExactTime)) return point;
  const { timeUs } = timestamp;
  if (timeUs < TIME_US_END) return { ...point, timeUs };
  return `timestamp is ${timeUs} microseconds since 1970; wanted a time before the year 5138`;
}

const FIELDS = new Set(["metric", "value", "timestamp", "time", "source", "id"]);

/** Of a cell "tags": a map or a JSON object of tags, or the tag of this name. */
function tagsOf(cell: unknown): [string, unknown][] {
  if (typeof cell === "string") return cell === "" ? [] : furtherTags(cell);
  return typeof cell === "object" && cell !== null ? Object.entries(cell) : [["tags", cell]];
}
