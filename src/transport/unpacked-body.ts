/** A body as it arrives, to one piece, unpacked where it was packed: what it becomes is counted before there is more of it. */
import { pipeline } from "node:stream/promises";
import { constants, createGunzip, createInflate } from "node:zlib";
import { formatByteSize } from "../model/byte-size.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { HTTP_MESSAGE_BYTES_MAX, HTTP_UNPACKED_BYTES_MAX } from "../model/limits.ts";
import { DamagedSnappyError, LargeSnappyError, SnappyUnpacker } from "../wire/snappy.ts";
import type { CountedBody } from "./request-body.ts";

const PIECES = { chunkSize: 64 * 1024, finishFlush: constants.Z_FINISH };
/** Less than 10 ms, whatever it is. */
const SNAPPY_STEP_BYTES = 256 * 1024;

const unpackers: Readonly<Record<string, (body: CountedBody) => Promise<Uint8Array>>> = {
  identity: (body) => joined(received(body)),
  gzip: (body) => joined(inflated(body, createGunzip(PIECES))),
  deflate: (body) => joined(inflated(body, createInflate(PIECES))),
  snappy: async (body) => {
    const unpacker = new SnappyUnpacker(await joined(received(body)), HTTP_UNPACKED_BYTES_MAX);
    body.count(unpacker.length);
    while (!unpacker.step(SNAPPY_STEP_BYTES)) await new Promise<void>((resolve) => void setImmediate(resolve));
    return unpacker.unpacked;
  },
};

/** What it holds stays counted. Throws INVALID_ARGUMENT where it cannot be read, RESOURCE_EXHAUSTED where there is no room for it. */
export async function unpackedBody(body: CountedBody, encoding: string): Promise<Uint8Array> {
  const unpack = Object.hasOwn(unpackers, encoding) ? unpackers[encoding] : undefined;
  if (unpack === undefined) {
    const message = `content-encoding is ${JSON.stringify(encoding)}; wanted gzip, deflate, snappy or none`;
    throw new WatchpostError("INVALID_ARGUMENT", message);
  }
  try {
    return await unpack(body);
  } catch (error) {
    if (error instanceof WatchpostError) throw error;
    if (error instanceof LargeSnappyError) throw tooLarge("unpacked", HTTP_UNPACKED_BYTES_MAX);
    const why = error instanceof DamagedSnappyError ? `: ${error.message}` : "";
    throw new WatchpostError("INVALID_ARGUMENT", `the body is no ${encoding}${why}`, { cause: error });
  }
}

/** Whatever its header said of its length. */
async function* received({ chunks }: CountedBody): AsyncIterable<Uint8Array> {
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      bytes += chunk.byteLength;
      if (bytes > HTTP_MESSAGE_BYTES_MAX) throw tooLarge("as sent", HTTP_MESSAGE_BYTES_MAX);
      yield chunk;
    }
  } catch (error) {
    if (error instanceof WatchpostError) throw error;
    // It is no fault of the body that its connection was lost, and none of ours.
    const message = `the connection was lost before the body was whole: ${messageOf(error)}`;
    throw new WatchpostError("CANCELLED", message, { cause: error });
  }
}

async function* inflated(body: CountedBody, inflater: ReturnType<typeof createGunzip>): AsyncIterable<Uint8Array> {
  const fed = pipeline(received(body), inflater);
  // What it fails with is what reading fails with.
  fed.catch(() => {});
  let bytes = 0;
  try {
    for await (const piece of inflater as AsyncIterable<Uint8Array>) {
      bytes += piece.byteLength;
      body.count(piece.byteLength);
      if (bytes > HTTP_UNPACKED_BYTES_MAX) throw tooLarge("unpacked", HTTP_UNPACKED_BYTES_MAX);
      yield piece;
    }
    await fed;
  } finally {
    inflater.destroy();
  }
}

/** While it is joined it is there twice, but only one body at a time is. */
async function joined(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(piece);
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}

function tooLarge(what: string, bytesMax: number): WatchpostError {
  return new WatchpostError(
    "RESOURCE_EXHAUSTED",
    `the body is more than ${formatByteSize(bytesMax)} ${what}; send less at once`,
  );
}
