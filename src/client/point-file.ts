/**
 * Points from files: JSON Lines, CSV or Parquet, gzip and zstd by their first bytes, or standard input; never a whole
 * file in memory.
 */
import { createReadStream } from "node:fs";
import { addAbortSignal } from "node:stream";
import { messageOf, WatchpostError } from "../model/errors.ts";
import type { Point } from "./batch.ts";
import { compressionOf, decompressed } from "./compression.ts";
import { parquetPoints } from "./parquet-points.ts";
import { textPoints } from "./text-points.ts";

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
  /** Takes what stops the reading, in words that name file and line; without it that is thrown. */
  onUnreadable?(sentence: string): void;
  /** Lines before this one are passed over, but for a CSV header. */
  readonly fromLine?: number;
  readonly signal?: AbortSignal;
}

/** A point and where it stands: its line, of Parquet its row, from 1. */
export interface LinePoint {
  readonly line: number;
  readonly point: Point;
}

const PARQUET_MAGIC = "PAR1";

/**
 * The points of a file; "-" is standard input. Lines that are none are told and left out. Where the file cannot be read
 * or is damaged, what comes before is yielded, and then that is told or thrown as DATA_LOSS. Fails when `signal` aborts.
 */
export function readPoints(file: string, options: ReadOptions = {}): AsyncIterable<Point> {
  const { signal } = options;
  const stream = file === "-" ? process.stdin : createReadStream(file);
  return pointsOf(file, signal ? addAbortSignal(signal, stream) : stream, options);
}

/** The same for bytes from anywhere; `file` is what they are called. */
export async function* pointsOf(
  file: string,
  bytes: AsyncIterable<Uint8Array>,
  options: ReadOptions = {},
): AsyncIterable<Point> {
  const { onLine, onUnreadable, signal } = options;
  let last = 0;
  try {
    for await (const found of linePoints(file, bytes, options)) {
      for (const { line, point } of found) {
        last = line;
        onLine?.(line);
        yield point;
      }
    }
  } catch (error) {
    if (signal?.aborted) throw error;
    const where = last === 0 ? "" : ` after line ${last}`;
    const sentence = `${file} cannot be read${where}: ${messageOf(error)}`;
    if (onUnreadable === undefined) throw new WatchpostError("DATA_LOSS", sentence, { cause: error });
    onUnreadable(sentence);
  }
}

async function* linePoints(
  file: string,
  bytes: AsyncIterable<Uint8Array>,
  options: ReadOptions,
): AsyncIterable<LinePoint[]> {
  const { start, chunks, leave } = await begun(bytes);
  if (start.subarray(0, PARQUET_MAGIC.length).toString() === PARQUET_MAGIC) {
    await leave();
    yield* parquetPoints(file, options);
  } else yield* textPoints(file, decompressed(counted(chunks, options), compressionOf(start)), options);
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
