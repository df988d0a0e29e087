/** Points from files: JSON Lines or CSV, gzip by its first bytes, or standard input; never a whole file in memory. */
import { createReadStream } from "node:fs";
import { addAbortSignal } from "node:stream";
import { createGunzip } from "node:zlib";
import type { Point } from "./batch.ts";
import { LINE_CHARACTERS_MAX, LineReader } from "./line-reader.ts";

export interface BadLine {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly reason: string;
}

export interface ReadOptions {
  onBadLine?(bad: BadLine): void;
  /** Bytes of the file read so far, as stored. */
  onBytes?(bytes: number): void;
  readonly signal?: AbortSignal;
}

/** The points of a file; "-" is standard input. Lines that are none are told and left out. Fails when `signal` aborts. */
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
  const reader = new LineReader((line, reason) => options.onBadLine?.({ file, line, reason }));
  for await (const line of linesOf(await textOf(bytes, options))) {
    yield* reader.take(line);
    if (reader.isHopeless) return;
  }
  yield* reader.end();
}

async function textOf(chunks: AsyncIterable<Uint8Array>, { onBytes }: ReadOptions): Promise<AsyncIterable<string>> {
  let bytes = 0;
  const iterator = chunks[Symbol.asyncIterator]();
  const first = await iterator.next();
  async function* counted(): AsyncIterable<Uint8Array> {
    try {
      for (let next = first; !next.done; next = await iterator.next()) {
        bytes += next.value.length;
        onBytes?.(bytes);
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }
  const isGzip = !first.done && first.value[0] === 0x1f && first.value[1] === 0x8b;
  return decoded(isGzip ? unzipped(counted()) : counted());
}

async function* unzipped(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const gunzip = createGunzip();
  const feeding = (async () => {
    for await (const chunk of chunks) {
      if (!gunzip.write(chunk)) await new Promise((resolve) => gunzip.once("drain", resolve));
    }
    gunzip.end();
  })();
  feeding.catch((error: Error) => gunzip.destroy(error));
  yield* gunzip as AsyncIterable<Uint8Array>;
  await feeding;
}

async function* decoded(chunks: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}

/** Lines without the "\n"; null for one that is too long. */
async function* linesOf(texts: AsyncIterable<string>): AsyncIterable<string | null> {
  let rest = "";
  let skipping = false;
  for await (const text of texts) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      yield skipping || line.length > LINE_CHARACTERS_MAX ? null : line;
      skipping = false;
    }
    if (rest.length > LINE_CHARACTERS_MAX) {
      rest = "";
      skipping = true;
    }
  }
  if (rest !== "" || skipping) yield skipping ? null : rest;
}
