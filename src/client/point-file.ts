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
import type { PointStamps } from "./point-stamps.ts";
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
  /** Takes what stops the reading, in words that name file and line; without it that is thrown. */
  onUnreadable?(sentence: string): void;
  /** Lines before this one are passed over, but for a CSV header. */
  readonly fromLine?: number;
  /** Gives times to points that have none; without it they stay so. */
  readonly stamps?: PointStamps;
  readonly signal?: AbortSignal;
}

/** A point that was read: its line, of Parquet its row, is known. */
export type LinePoint = Point & { readonly line: number };

const PARQUET_MAGIC = "PAR1";

/**
 * The points of a file; "-" is standard input. Lines that are none are told and left out. Where the file cannot be read
 * or is damaged, what comes before is yielded, and then that is told or thrown as DATA_LOSS. Fails when `signal` aborts.
 */
export function readPoints(file: string, options: ReadOptions = {}): AsyncIterable<LinePoint> {
  const { signal } = options;
  const stream = file === "-" ? process.stdin : createReadStream(file);
  return pointsOf(file, signal ? addAbortSignal(signal, stream) : stream, options);
}

/** The same for bytes from anywhere; `file` is what they are called. */
export async function* pointsOf(
  file: string,
  bytes: AsyncIterable<Uint8Array>,
  options: ReadOptions = {},
): AsyncIterable<LinePoint> {
  const { onUnreadable, signal, stamps } = options;
  let last = 0;
  try {
    for await (const found of linePoints(file, bytes, options)) {
      // All at once: the last of them may have to wait for a long time.
      for (const point of stamps === undefined ? found : found.map((one) => stamps.stamped(one))) {
        last = point.line;
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
