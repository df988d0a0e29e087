/** Bodies of other systems: unpacked as they are, and counted while they are. */
import { expect, test } from "bun:test";
import { deflateSync, gzipSync } from "node:zlib";
import { countedBody, PROGRESS_BYTES } from "../../src/transport/request-body.ts";
import { ReceivedBytes } from "../../src/transport/received-bytes.ts";
import { unpackedBody } from "../../src/transport/unpacked-body.ts";
import { randomOf } from "../support/random.ts";

const MIB = 1024 * 1024;

/** A block of Snappy of literals alone. */
function snappy(bytes: Uint8Array): Uint8Array {
  const parts: number[][] = [];
  let length = bytes.length;
  const head: number[] = [];
  for (; length >= 0x80; length >>>= 7) head.push((length & 0x7f) | 0x80);
  head.push(length);
  for (let at = 0; at < bytes.length; at += 60) {
    const piece = [...bytes.subarray(at, at + 60)];
    parts.push([(piece.length - 1) << 2, ...piece]);
  }
  return Uint8Array.from([head, ...parts].flat());
}

/** What 64 zeros become with every three bytes. */
function snappyZeros(bytes: number): Uint8Array {
  const head: number[] = [];
  let length = bytes;
  for (; length >= 0x80; length >>>= 7) head.push((length & 0x7f) | 0x80);
  head.push(length);
  const out = new Uint8Array(head.length + 2 + 3 * Math.ceil((bytes - 1) / 64));
  out.set([...head, 0, 0]);
  let at = head.length + 2;
  for (let left = bytes - 1; left > 0; left -= 64) {
    const count = Math.min(left, 64);
    out.set([((count - 1) << 2) | 2, 1, 0], at);
    at += 3;
  }
  return out.subarray(0, at);
}

async function* inPieces(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function bodyOf(chunks: AsyncIterable<Uint8Array>, received: ReceivedBytes) {
  return countedBody(chunks, received, { onProgress: () => {}, onWhole: () => {} }, (error) => error);
}

const PACK = {
  identity: (bytes: Uint8Array) => bytes,
  gzip: (bytes: Uint8Array) => gzipSync(bytes),
  deflate: (bytes: Uint8Array) => deflateSync(bytes),
  snappy,
};

for (const [encoding, pack] of Object.entries(PACK)) {
  test(`${encoding}: any bytes in any pieces come as they were, counted until the body is closed`, async () => {
    const random = randomOf(3);
    for (const length of [0, 1, 1_000, 300_000]) {
      const bytes = Uint8Array.from({ length }, () => 8 * random());
      for (const size of [1 + (length >>> 6), 70_000]) {
        const received = new ReceivedBytes(MIB);
        const body = bodyOf(inPieces(pack(bytes), size), received);
        expect(Buffer.compare(await unpackedBody(body, encoding), bytes)).toBe(0);
        expect(received.bytes).toBeGreaterThanOrEqual(length);
        body.close();
        expect(received.bytes).toBe(0);
      }
    }
  });

  test(`${encoding}: what is cut off is refused, whatever it becomes so far`, async () => {
    if (encoding === "identity") return;
    const packed = pack(new Uint8Array(10_000).fill(7));
    const body = bodyOf(inPieces(packed.subarray(0, -5), 100), new ReceivedBytes(MIB));
    await expect(unpackedBody(body, encoding)).rejects.toMatchObject({ status: "INVALID_ARGUMENT" });
  });
}

for (const [encoding, bomb] of [
  ["gzip", gzipSync(new Uint8Array(60 * MIB))],
  ["snappy", snappyZeros(60 * MIB)],
] as const) {
  test(`${encoding}: what a small body becomes is counted before it is there, and refused where there is no room`, async () => {
    const received = new ReceivedBytes(8 * MIB);
    const rest = Promise.withResolvers<void>();
    async function* slow() {
      yield bomb.subarray(0, 1_000);
      await rest.promise;
      yield bomb.subarray(1_000);
    }
    const unpacking = unpackedBody(bodyOf(slow(), received), encoding);
    while (received.bytes === 0) await Bun.sleep(1);
    // Somebody who comes later, so that the bomb is the first to go.
    await bodyOf(inPieces(bomb, 1_000), received).chunks[Symbol.asyncIterator]().next();
    rest.resolve();
    await expect(unpacking).rejects.toMatchObject({ status: "RESOURCE_EXHAUSTED", retryAfterMs: 1_000 });
    expect([received.refused, received.bytes]).toEqual([1, 1_000]);
  });

  test(`${encoding}: more than any body may become is refused`, async () => {
    const body = bodyOf(
      inPieces(encoding === "gzip" ? gzipSync(new Uint8Array(70 * MIB)) : snappyZeros(70 * MIB), 10_000),
      new ReceivedBytes(MIB),
    );
    await expect(unpackedBody(body, encoding)).rejects.toThrow("the body is more than 64MiB unpacked");
  });
}

test("a body that never ends is read no further than a body may be", async () => {
  let sent = 0;
  let isOver = false;
  async function* endless() {
    try {
      for (;;) yield new Uint8Array((sent += MIB) && MIB);
    } finally {
      isOver = true;
    }
  }
  const body = bodyOf(endless(), new ReceivedBytes(MIB));
  await expect(unpackedBody(body, "identity")).rejects.toThrow("the body is more than 16MiB as sent");
  expect([isOver, sent]).toEqual([true, 17 * MIB]);
});

test("what is packed as nobody knows is refused by name", async () => {
  const body = bodyOf(inPieces(new Uint8Array(1), 1), new ReceivedBytes(MIB));
  await expect(unpackedBody(body, "constructor")).rejects.toThrow('content-encoding is "constructor"; wanted gzip');
});

test.each(["identity", "gzip", "snappy"])("a body whose connection is lost is no wrong one (%s)", async (encoding) => {
  async function* lost() {
    yield Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0);
    throw new Error("the connection was closed");
  }
  const body = bodyOf(lost(), new ReceivedBytes(MIB));
  await expect(unpackedBody(body, encoding)).rejects.toMatchObject({ status: "CANCELLED" });
});

test("a sender that is slow is told from one that has stopped by how much arrives", async () => {
  const seen: string[] = [];
  const arrival = { onProgress: () => void seen.push("progress"), onWhole: () => void seen.push("whole") };
  async function* slow() {
    for (let i = 0; i < 5; i++) {
      yield new Uint8Array(30_000);
      seen.push(String(i));
    }
    yield new Uint8Array(4 * PROGRESS_BYTES);
  }
  const body = countedBody(slow(), new ReceivedBytes(MIB), arrival, (error) => error);
  await unpackedBody(body, "identity");
  expect(seen).toEqual(["0", "1", "progress", "2", "3", "progress", "4", "progress", "whole"]);
});
