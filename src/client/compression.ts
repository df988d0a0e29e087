/** gzip and zstd: files in pieces that are whole by themselves, so that a file can be cut between two and go on. */
import { pipeline, Readable } from "node:stream";
import { promisify } from "node:util";
import { constants, createGunzip, createZstdDecompress, gzip, zstdCompress } from "node:zlib";
import { ZstdFrames } from "./zstd-frames.ts";

export const COMPRESSIONS = ["none", "gz", "zst"] as const;
export type Compression = (typeof COMPRESSIONS)[number];

const gzipped = promisify(gzip);
const zstdCompressed = promisify(zstdCompress);

/** One whole member or frame, with a checksum. Those of several pieces, one after the other, are the file of all. */
export async function compressed(piece: Uint8Array, compression: Compression): Promise<Uint8Array> {
  if (compression === "none") return piece;
  if (compression === "gz") return gzipped(piece);
  return zstdCompressed(piece, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
}

/** "gz" or "zst" by the first bytes of a file, otherwise "none". */
export function compressionOf(start: Uint8Array): Compression {
  if (start[0] === 0x1f && start[1] === 0x8b) return "gz";
  const [a, b, c, d] = start;
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return "zst";
  return "none";
}

/** Unpacks as it is read. Throws where the input is damaged or does not end with a whole member or frame. */
export async function* decompressed(
  chunks: AsyncIterable<Uint8Array>,
  compression: Compression,
): AsyncIterable<Uint8Array> {
  if (compression === "none") return yield* chunks;
  const frames = compression === "zst" ? new ZstdFrames() : undefined;
  let failure: { readonly error: unknown } | undefined;
  // What is wrong with the input ends it, and is thrown when all that came before is unpacked.
  async function* input(): AsyncIterable<Uint8Array> {
    try {
      for await (const chunk of chunks) {
        frames?.push(chunk);
        yield chunk;
      }
      frames?.end();
    } catch (error) {
      failure = { error };
    }
  }
  const unpacker = compression === "gz" ? createGunzip() : createZstdDecompress();
  // What fails is thrown by the iteration.
  pipeline(Readable.from(input()), unpacker, () => {});
  try {
    yield* unpacker as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw failure === undefined ? error : failure.error;
  }
  if (failure !== undefined) throw failure.error;
}
