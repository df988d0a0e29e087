/** gzip and zstd in pieces: read as one, every cut and everything foreign behind is noticed. */
import { expect, test } from "bun:test";
import { zstdCompressSync, constants } from "node:zlib";
import { compressed, compressionOf, decompressed, type Compression } from "../../src/client/compression.ts";
import { ZstdFrames } from "../../src/client/zstd-frames.ts";
import { inChunks } from "./nasty-rows.ts";

const text = Buffer.from(Array.from({ length: 400 }, (_, i) => `line ${i * 7919}\n`).join(""));

async function unpacked(bytes: Uint8Array, compression: Compression, chunk: number): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(decompressed(inChunks(bytes, chunk), compression)));
}

for (const compression of ["gz", "zst"] as const) {
  test(`${compression}: pieces one after the other are the file of all`, async () => {
    const piece = await compressed(text, compression);
    const empty = await compressed(new Uint8Array(0), compression);
    const file = Buffer.concat([piece, empty, piece]);
    expect(compressionOf(file)).toBe(compression);
    for (const chunk of [1, 13, 1e6]) {
      expect(await unpacked(file, compression, chunk)).toEqual(Buffer.concat([text, text]));
    }
  });

  test(`${compression}: cut anywhere but between two pieces it is damaged, and so it is with something behind`, async () => {
    const piece = await compressed(text, compression);
    const file = Buffer.concat([piece, piece]);
    for (let end = 1; end < file.length; end += 17) {
      if (end === piece.length) continue;
      await expect(unpacked(file.subarray(0, end), compression, 64)).rejects.toThrow();
    }
    await expect(unpacked(Buffer.concat([piece, Buffer.from("and more")]), compression, 64)).rejects.toThrow();
    expect(await unpacked(piece, compression, 64)).toEqual(text);
  });

  test(`${compression}: a flipped bit in what is packed is damage`, async () => {
    const piece = Buffer.from(await compressed(text, compression));
    piece[piece.length >> 1] ^= 1;
    await expect(unpacked(piece, compression, 64)).rejects.toThrow();
  });
}

test("what comes before the damage is unpacked", async () => {
  const piece = await compressed(text, "zst");
  const had: Uint8Array[] = [];
  const reading = async () => {
    for await (const chunk of decompressed(inChunks(Buffer.concat([piece, piece.subarray(0, 20)]), 1e6), "zst")) {
      had.push(chunk);
    }
  };
  await expect(reading()).rejects.toThrow("it ends within a zstd frame");
  expect(Buffer.concat(had)).toEqual(text);
});

test("zstd frames: every kind of block and header, skippable ones, and too large a window", () => {
  const follow = (bytes: Uint8Array) => {
    const frames = new ZstdFrames();
    frames.push(bytes);
    frames.end();
  };
  for (const size of [0, 1, 255, 256, 65_791, 65_792, 300_000]) {
    for (const [repeats, checksum] of [
      [true, 0],
      [false, 1],
    ] as const) {
      const content = repeats
        ? Buffer.alloc(size, "a")
        : Buffer.from(crypto.getRandomValues(new Uint8Array(Math.min(size, 65_536))));
      follow(zstdCompressSync(content, { params: { [constants.ZSTD_c_checksumFlag]: checksum } }));
    }
  }
  const skippable = Buffer.from([0x51, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  follow(Buffer.concat([skippable, zstdCompressSync("x"), skippable]));
  expect(() => follow(skippable.subarray(0, 9))).toThrow("it ends within a zstd frame");
  const huge = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x90]);
  expect(() => follow(huge)).toThrow("wants 268435456 bytes of memory");
});
