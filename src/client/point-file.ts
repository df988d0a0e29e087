/**
 * Points from files: JSON Lines, CSV or Parquet, gzip and zstd by their first bytes, or standard input; never a whole
 * file in memory.
 */
import { createReadStream } from "node:fs";
import { messageOf, WatchpostError } from "../model/errors.ts";
import type { Point } from "./batch.ts";
import { compressionOf, decompressed } from "./compression.ts";
import { parquetPoints } from "./parquet-points.ts";
import { csvParser, parseJsonLine, type ParsedLine } from "./parse-point.ts";
import { csvRecords, LINE_CHARACTERS_MAX, rawLines, type NumberedLine } from "./text-lines.ts";

export interface BadLine {
  readonly file: string;
  /** From 1; of Parquet the row. */
  readonly line: number;
  readonly reason: string;
}

export interface ReadOptions {
  onBadLine?(bad: BadLine): void;
  /** Bytes of the file read so far, as stored. */
  onBytes?(bytes: number): void;
  /** The line or row of the point that comes next. */
  onLine?(line: number): void;
  /** Lines before this one are passed over, but for a CSV header. */
  readonly fromLine?: number;
  readonly signal?: AbortSignal;
}

const PARQUET_MAGIC = "PAR1";

/**
 * The points of a file; "-" is standard input. Lines that are none are told and left out. Throws DATA_LOSS, naming file
 * and line, where the file cannot be read or is damaged; what comes before was yielded.
 */
export function readPoints(file: string, options: ReadOptions = {}): AsyncIterable<Point> {
  const { signal } = options;
  return pointsOf(file, file === "-" ? process.stdin : createReadStream(file, signal ? { signal } : {}), options);
}

/** The same for bytes from anywhere; `file` is what they are called. */
export async function* pointsOf(
  file: string,
  bytes: AsyncIterable<Uint8Array>,
  options: ReadOptions = {},
): AsyncIterable<Point> {
  let line = 0;
  const following = {
    ...options,
    onLine(number: number) {
      line = number;
      options.onLine?.(number);
    },
  };
  try {
    const { start, chunks, leave } = await begun(bytes);
    if (start.subarray(0, PARQUET_MAGIC.length).toString() === PARQUET_MAGIC) {
      await leave();
      yield* parquetPoints(file, following);
    } else {
      yield* textPoints(file, decompressed(counted(chunks, options), compressionOf(start)), following);
    }
  } catch (error) {
    if (options.signal?.aborted) throw error;
    const where = line === 0 ? "" : ` after line ${line}`;
    throw new WatchpostError("DATA_LOSS", `${file} cannot be read${where}: ${messageOf(error)}`, { cause: error });
  }
}

async function* textPoints(
  file: string,
  bytes: AsyncIterable<Uint8Array>,
  { onBadLine, onLine, fromLine = 0 }: ReadOptions,
): AsyncIterable<Point> {
  let parse: ((line: string) => ParsedLine) | undefined;
  const bad = (line: number, reason: string) => onBadLine?.({ file, line, reason });
  for await (const { number, text } of recordsOf(rawLines(bytes))) {
    if (text === null) {
      if (number >= fromLine) bad(number, `has more than ${LINE_CHARACTERS_MAX} characters`);
      continue;
    }
    if (text.trim() === "") continue;
    if (parse === undefined) {
      if (isJson(text)) parse = parseJsonLine;
      else {
        const parser = csvParser(text);
        if (typeof parser !== "string") parse = parser;
        else bad(number, parser);
        continue;
      }
    }
    if (number < fromLine) continue;
    const parsed = parse(text);
    onLine?.(number);
    if (typeof parsed === "string") bad(number, parsed);
    else yield parsed;
  }
}

/** Lines of JSON as they are, of CSV put together to records; without byte order mark and line ends. */
async function* recordsOf(lines: AsyncIterable<NumberedLine>): AsyncIterable<NumberedLine> {
  const input = lines[Symbol.asyncIterator]();
  const first: NumberedLine[] = [];
  let isLines = true;
  for (let next = await input.next(); !next.done; next = await input.next()) {
    const { number, text } = next.value;
    const unmarked = number === 1 && text?.startsWith("\ufeff") ? text.slice(1) : text;
    first.push({ number, text: unmarked });
    if (unmarked === null || unmarked.trim() === "") continue;
    isLines = isJson(unmarked);
    break;
  }
  async function* all() {
    yield* first;
    yield* { [Symbol.asyncIterator]: () => input };
  }
  for await (const { number, text } of isLines ? all() : csvRecords(all())) {
    yield { number, text: text?.endsWith("\r") ? text.slice(0, -1) : text };
  }
}

function isJson(text: string): boolean {
  return text.trimStart().startsWith("{");
}

/** The first bytes, and all of them or none any more. */
async function begun(
  bytes: AsyncIterable<Uint8Array>,
): Promise<{ start: Buffer; chunks: AsyncIterable<Uint8Array>; leave(): Promise<void> }> {
  const iterator = bytes[Symbol.asyncIterator]();
  const held: Uint8Array[] = [];
  let length = 0;
  while (length < PARQUET_MAGIC.length) {
    const next = await iterator.next();
    if (next.done) break;
    held.push(next.value);
    length += next.value.length;
  }
  const leave = async () => void (await iterator.return?.());
  async function* chunks(): AsyncIterable<Uint8Array> {
    try {
      yield* held;
      yield* { [Symbol.asyncIterator]: () => iterator };
    } finally {
      await leave();
    }
  }
  return { start: Buffer.concat(held), chunks: chunks(), leave };
}

async function* counted(chunks: AsyncIterable<Uint8Array>, { onBytes }: ReadOptions): AsyncIterable<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    onBytes?.(bytes);
    yield chunk;
  }
}
