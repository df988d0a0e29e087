/** Blocks from elsewhere: right rows or DamagedChunkError, whatever the bytes are. */
import { describe, expect, test } from "bun:test";
import { BlockBuilder, readBlockIndex, readUnit } from "../../src/codec/block.ts";
import { writeIndex, type IndexedChunk, type IndexedUnit } from "../../src/codec/block-index.ts";
import { DamagedChunkError } from "../../src/codec/damaged.ts";
import { FOREIGN_ROWS_MAX, foreignBlockBytes, readForeignBlock } from "../../src/codec/foreign-block.ts";
import { blockOfFrame } from "../../src/codec/frame-block.ts";
import { randomOf } from "../support/random.ts";
import { blockOf, shapes } from "./rows.ts";

interface Bytes {
  readonly index: Uint8Array;
  readonly body: Uint8Array;
}

function rowsOf({ index, body }: Bytes): { seriesId: number; timesUs: number[]; values: number[] }[] {
  const rows = [];
  for (const { seriesId, timesUs, values } of readForeignBlock(index, body).chunks()) {
    rows.push({ seriesId, timesUs: [...timesUs], values: [...values] });
  }
  return rows;
}

/** What a reader of such rows leans on. */
function expectSound({ index, body }: Bytes): void {
  const { points, chunks } = readForeignBlock(index, body);
  expect(points).toBeLessThanOrEqual(FOREIGN_ROWS_MAX);
  let [rows, lastId, lastUs] = [0, -1, -1];
  for (const { seriesId, timesUs, values } of chunks()) {
    rows += timesUs.length;
    if (seriesId !== lastId) lastUs = -1;
    if (seriesId < lastId || timesUs[0] <= lastUs) throw new Error("chunks are not in order");
    for (let i = 0; i < timesUs.length; i++) {
      const isSound = Number.isSafeInteger(timesUs[i]) && timesUs[i] >= 0 && Number.isFinite(values[i]);
      if (!isSound || (i > 0 && timesUs[i] < timesUs[i - 1])) throw new Error(`row ${i} is not sound`);
    }
    [lastId, lastUs] = [seriesId, timesUs[timesUs.length - 1]];
  }
  expect(rows).toBe(points);
}

/** Whether it was taken; nothing but DamagedChunkError may be thrown. */
function isTaken(bytes: Bytes): boolean {
  try {
    expectSound(bytes);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(DamagedChunkError);
    return false;
  }
}

/** A block of one chunk of one unit, with its true checksums, however untrue the rest. */
function forged(payload: Uint8Array, change: Partial<IndexedChunk>, unitChange: Partial<IndexedUnit> = {}): Bytes {
  const body = Bun.zstdCompressSync(payload, { level: 1 });
  const summary = {
    seriesId: 1,
    count: 3,
    superseded: 0,
    fromUs: 0,
    toUs: 2,
    first: 1,
    last: 1,
    min: 1,
    max: 1,
    sum: 3,
  };
  const chunk = { ...summary, exponent: 0, payloadBytes: payload.length, ...change };
  const unit = { chunks: 1, packedBytes: body.length, crc: Bun.hash.crc32(body), ...unitChange };
  return { index: writeIndex([chunk], [unit]), body };
}

/** Three rows, 1 µs apart, all 1. */
const PAYLOAD = Uint8Array.of(0, 1, 0, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0);

describe("a block of our own", () => {
  test("comes back row by row, superseded ones before what replaced them", () => {
    const all = Object.values(shapes());
    const block = blockOf(all);
    const wanted = all.map(({ timesUs, values }, i) => ({ seriesId: 3 * i + 1, timesUs, values }));
    expect(rowsOf(block)).toEqual(wanted as never);
    const { points, seriesIds } = readForeignBlock(block.index, block.body);
    expect([points, [...seriesIds]]).toEqual([block.points, wanted.map(({ seriesId }) => seriesId)]);
  });

  test("goes on in another block unit by unit, between chunks of its own", () => {
    const all = Object.values(shapes());
    const block = blockOf(all);
    const index = readBlockIndex(block.index);
    const builder = new BlockBuilder();
    const one = Float64Array.of(5);
    builder.add(0, one, one, one, 0, 1);
    for (let chunk = 0, unit = 0; unit < index.unitCount; unit++) {
      const from = index.unitOffsets[unit];
      builder.addUnit(index, unit, chunk, block.body.subarray(from, from + index.unitLengths[unit]));
      while (index.units[chunk] === unit) chunk++;
    }
    builder.add(1_000, one, one, one, 0, 1);
    const whole = rowsOf(builder.finish());
    expect(whole.slice(1, -1)).toEqual(rowsOf(block));
    expect(whole.map(({ seriesId }) => seriesId).filter((id) => id === 0 || id === 1_000)).toEqual([0, 1_000]);
    expect(builder.chunkCount).toBe(0);
  });
});

describe("what is not as it should be is refused", () => {
  test("as a forged block is that is sound", () => {
    expect(rowsOf(forged(PAYLOAD, {}))).toEqual([{ seriesId: 1, timesUs: [0, 1, 2], values: [1, 1, 1] }]);
  });

  const longer = (bytes: number[]) => Uint8Array.from([...bytes, ...PAYLOAD.subarray(2)]);
  const values = (...cells: number[]) => {
    const payload = PAYLOAD.slice();
    new DataView(payload.buffer).setFloat64(3, cells[0], true);
    return payload;
  };
  const cases: [string, Bytes][] = [
    ["no rows", forged(PAYLOAD, { count: 0 })],
    ["more rows than there are", forged(PAYLOAD, { count: 4 })],
    ["more rows than a block may have", forged(PAYLOAD, { count: FOREIGN_ROWS_MAX + 1, toUs: FOREIGN_ROWS_MAX })],
    ["billions of rows", forged(PAYLOAD, { count: 2 ** 32 - 1 })],
    ["all rows superseded", forged(PAYLOAD, { superseded: 3 })],
    ["superseded rows that are not", forged(PAYLOAD, { superseded: 1 })],
    ["an end that is not that of the rows", forged(PAYLOAD, { toUs: 3 })],
    ["times before 1970", forged(PAYLOAD, { fromUs: -1, toUs: 1 })],
    ["times past 2^53", forged(PAYLOAD, { fromUs: 2 ** 53, toUs: 2 ** 53 + 2 })],
    ["times that go back", forged(longer([2, 0, 3, 1, 0, 7]), { toUs: 2 })],
    ["NaN", forged(values(NaN), {})],
    ["Infinity", forged(values(-Infinity), {})],
    ["a payload of no bytes", forged(PAYLOAD, { payloadBytes: 0 })],
    ["a payload of gigabytes", forged(PAYLOAD, { payloadBytes: 2 ** 32 - 1 })],
    ["a unit of more bytes than the body has", forged(PAYLOAD, {}, { packedBytes: 500 })],
    ["a unit of fewer", forged(PAYLOAD, {}, { packedBytes: 3 })],
    ["a unit of another checksum", forged(PAYLOAD, {}, { crc: 1 })],
  ];
  for (const [name, block] of cases) test(name, () => expect(isTaken(block)).toBe(false));

  test("series or times that are not in order", () => {
    const at = (seriesId: number, timeUs: number): IndexedChunk => {
      const summary = { count: 1, superseded: 0, first: 1, last: 1, min: 1, max: 1, sum: 1, exponent: 0 };
      return { ...summary, seriesId, fromUs: timeUs, toUs: timeUs, payloadBytes: PAYLOAD.length };
    };
    const blockWith = (...chunks: IndexedChunk[]): Bytes => {
      const payload = Uint8Array.from(chunks.flatMap(() => [...PAYLOAD]));
      const body = Bun.zstdCompressSync(payload);
      const unit = { chunks: chunks.length, packedBytes: body.length, crc: Bun.hash.crc32(body) };
      return { index: writeIndex(chunks, [unit]), body };
    };
    expect(isTaken(blockWith(at(1, 5), at(1, 6), at(2, 0)))).toBe(true);
    expect(isTaken(blockWith(at(1, 5), at(1, 5)))).toBe(false);
    expect(isTaken(blockWith(at(1, 5), at(1, 4)))).toBe(false);
    expect(isTaken(blockWith(at(2 ** 32 - 1, 5), at(2 ** 32, 5)))).toBe(false);
  });

  test("what unpacks to more than it says: it is not unpacked", () => {
    // It is kept to the end: its memory would be where the bomb unpacks to unseen.
    const plain = new Uint8Array(128 * 1024 * 1024);
    const bomb = Bun.zstdCompressSync(plain, { level: 3 });
    const { index } = forged(PAYLOAD, {}, { packedBytes: bomb.length, crc: Bun.hash.crc32(bomb) });
    Bun.gc(true);
    const before = process.memoryUsage.rss();
    expect(isTaken({ index, body: bomb })).toBe(false);
    const largeIndex = new Uint8Array(9 + bomb.length);
    largeIndex.set(bomb, 9);
    largeIndex[0] = 1;
    for (const rawBytes of [8, 1024, 8 * 1024 * 1024, 128 * 1024 * 1024]) {
      new DataView(largeIndex.buffer).setUint32(5, rawBytes, true);
      new DataView(largeIndex.buffer).setUint32(1, Bun.hash.crc32(largeIndex.subarray(5)), true);
      expect(isTaken({ index: largeIndex, body: bomb })).toBe(false);
    }
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
    expect(plain.length).toBeGreaterThan(bomb.length);
  });
});

describe("fuzzed", () => {
  const block = blockOf(Object.values(shapes()));

  test("one bit, or cut short", () => {
    for (const part of ["index", "body"] as const) {
      const bytes = block[part];
      for (let bit = 0; bit < bytes.length * 8; bit += 5) {
        const damaged = bytes.slice();
        damaged[bit >> 3] ^= 1 << (bit & 7);
        expect(isTaken({ ...block, [part]: damaged })).toBe(false);
      }
      for (let length = 0; length < bytes.length; length += 7) {
        expect(isTaken({ ...block, [part]: bytes.subarray(0, length) })).toBe(false);
      }
      expect(isTaken({ ...block, [part]: Buffer.concat([bytes, Buffer.of(0)]) })).toBe(false);
    }
  });

  test("bits of what was packed, with checksums that match", () => {
    const columns = readBlockIndex(block.index);
    const rawIndex = Bun.zstdDecompressSync(block.index.subarray(9));
    const units = Array.from({ length: columns.unitCount }, (_, unit) => readUnit(columns, unit, block.body));
    const random = randomOf(11);
    const below = (n: number) => Math.floor(random() * n);
    const mutated = (bytes: Uint8Array) => {
      const copy = Uint8Array.from(bytes);
      for (let flips = 1 + below(4); flips > 0; flips--) {
        copy[below(copy.length)] = [below(256), 0, 0xff, 0x80, 0x7f][below(5)];
      }
      return copy;
    };
    let [taken, refused] = [0, 0];
    for (let run = 0; run < 3_000; run++) {
      let { index, body }: Bytes = block;
      if (run % 2 === 0) {
        index = resealed(mutated(rawIndex));
      } else {
        const packed = units.map((unit) => Bun.zstdCompressSync(run % 3 === 0 ? unit : mutated(unit)));
        body = Buffer.concat(packed);
        index = resealed(withUnits(rawIndex, packed));
        if (run % 3 === 0) index = resealed(mutated(withUnits(rawIndex, packed)));
      }
      if (isTaken({ index, body })) taken++;
      else refused++;
    }
    expect(Math.min(taken, refused)).toBeGreaterThan(100);
  });

  /** The raw index with other units: their lengths and checksums are its end. */
  function withUnits(rawIndex: Uint8Array, packed: readonly Uint8Array[]): Uint8Array {
    const columns = readBlockIndex(block.index);
    const varint = (value: number): number[] =>
      value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...varint(value >>> 7)];
    const lengthBytes = [...columns.unitLengths].flatMap(varint).length;
    const head = rawIndex.subarray(0, rawIndex.length - lengthBytes - 4 * columns.unitCount);
    const crcs = new Uint32Array(packed.map((bytes) => Bun.hash.crc32(bytes)));
    return Buffer.concat([
      head,
      Uint8Array.from(packed.flatMap((bytes) => varint(bytes.length))),
      new Uint8Array(crcs.buffer),
    ]);
  }

  function resealed(rawIndex: Uint8Array): Uint8Array {
    const packed = Bun.zstdCompressSync(rawIndex);
    const index = new Uint8Array(9 + packed.length);
    const header = new DataView(index.buffer);
    index.set(packed, 9);
    index[0] = 1;
    header.setUint32(5, rawIndex.length, true);
    header.setUint32(1, Bun.hash.crc32(index.subarray(5)), true);
    return index;
  }
});

describe("a frame as a block", () => {
  test("keeps every row, by series and time, writes of one time in their order", () => {
    const random = randomOf(3);
    const below = (n: number) => Math.floor(random() * n);
    for (const count of [1, 2, 10, 300, FOREIGN_ROWS_MAX]) {
      const seriesIds = Uint32Array.from({ length: count + 3 }, () => 5 * below(Math.min(count, 40)));
      const timesUs = Float64Array.from(seriesIds, () => below(count) * 1_000);
      const values = Float64Array.from(seriesIds, () => below(1_000) / 10);
      const block = blockOfFrame({ count, seriesIds, timesUs, values }, 1_700_000_000);
      const rows = Array.from({ length: count }, (_, i) => i).sort(
        (a, b) => seriesIds[a] - seriesIds[b] || timesUs[a] - timesUs[b] || a - b,
      );
      const found = rowsOf(block);
      expect(found.map(({ seriesId }) => seriesId)).toEqual([...block.seriesIds]);
      expect(found.flatMap(({ timesUs }) => timesUs)).toEqual(rows.map((i) => timesUs[i]));
      expect(found.flatMap(({ values }) => values)).toEqual(rows.map((i) => values[i]));
    }
  });

  test("costs a byte or two a point when it is large, and little when it is small", () => {
    const random = randomOf(4);
    const bytesOf = (count: number, series: number) => {
      const levels = new Float64Array(series).fill(20);
      const seriesIds = Uint32Array.from({ length: count }, (_, i) => i % series);
      const timesUs = Float64Array.from(
        seriesIds,
        (_, i) => 1_700_000_000_000_000 + Math.floor(i / series) * 1_000_000,
      );
      const values = Float64Array.from(
        seriesIds,
        (id) => (levels[id] = Math.round(100 * (levels[id] + random() - 0.5)) / 100),
      );
      const { index, body } = blockOfFrame({ count, seriesIds, timesUs, values }, 1_700_000_000);
      return index.length + body.length;
    };
    expect(bytesOf(65_536, 256) / 65_536).toBeLessThan(1.5);
    expect(bytesOf(65_536, 2_048) / 65_536).toBeLessThan(3);
    expect(bytesOf(10, 10)).toBeLessThan(260);
  });
});

test("what a block takes is judged by its index before that is unpacked, and is bounded where it lies", () => {
  const indexOf = (chunks: number) => {
    const builder = new BlockBuilder();
    for (let id = 1; id <= chunks; id++) {
      builder.add(id, Float64Array.of(id), Float64Array.of(id), Float64Array.of(1), 0, 1);
    }
    return builder.finish().index;
  };
  const [one, many] = [indexOf(1), indexOf(20_000)];
  expect(foreignBlockBytes(many) - foreignBlockBytes(one)).toBeGreaterThan(20_000 * 110);
  const lying = one.slice();
  lying.fill(0xff, 5, 9);
  expect(foreignBlockBytes(lying)).toBeLessThan(20 * 1024 * 1024);
  expect(foreignBlockBytes(new Uint8Array(3))).toBeLessThanOrEqual(foreignBlockBytes(one));
});
