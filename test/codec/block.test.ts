/** The codec gives back every bit it was given, and never anything else. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BlockBuilder, readBlockIndex } from "../../src/codec/block.ts";
import { DamagedChunkError } from "../../src/codec/damaged.ts";
import { randomOf } from "../support/random.ts";
import { blockOf, rowsOf, shapes, type Rows } from "./rows.ts";

const GOLDEN = join(import.meta.dir, "../fixtures/codec");

const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const decimal = fc
  .tuple(fc.integer({ min: -1e9, max: 1e9 }), fc.integer({ min: 0, max: 6 }))
  .map(([n, e]) => n / 10 ** e);
const special = fc.constantFrom(
  -0,
  0,
  5e-324,
  -5e-324,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  2 ** 53,
  -(2 ** 53),
  0.1,
  1e300,
);
const values = (count: number) =>
  fc.oneof(
    ...[finite, decimal, special, fc.integer(), fc.maxSafeInteger(), fc.oneof(finite, decimal, special)].map((value) =>
      fc.array(value, { minLength: count, maxLength: count }),
    ),
    finite.map((value) => new Array<number>(count).fill(value)),
  );
const gaps = (count: number) =>
  fc.oneof(
    ...[
      fc.nat(3),
      fc.nat(1e9),
      fc.constantFrom(0, 1, 1_000, 10_000_000),
      fc.nat(100).map((n) => n * 1_000),
      fc.nat(100).map((n) => n * 1_000_000),
    ].map((gap) => fc.array(gap, { minLength: count, maxLength: count })),
    fc.nat(1e10).map((gap) => new Array<number>(count).fill(gap)),
  );
const chunk: fc.Arbitrary<Rows> = fc
  .integer({ min: 1, max: 60 })
  .chain((count) =>
    fc.record({
      start: fc.integer({ min: 0, max: 2 ** 50 }),
      gaps: gaps(count),
      values: values(count),
      arrivalsS: fc.oneof(
        fc.array(fc.integer({ min: 0, max: 2 ** 33 }), { minLength: count, maxLength: count }),
        fc
          .tuple(fc.nat(2e9), fc.nat(60))
          .map(([first, step]) => Array.from({ length: count }, (_, i) => first + i * step)),
      ),
    }),
  )
  .map(({ start, gaps, values, arrivalsS }) => {
    let timeUs = start;
    return { timesUs: gaps.map((gap) => (timeUs += gap)), values, arrivalsS };
  });

describe("round trips", () => {
  test("of any rows", () => {
    fc.assert(
      fc.property(fc.array(chunk, { minLength: 1, maxLength: 5 }), (chunks) => {
        const back = rowsOf(blockOf(chunks));
        expect(back.map(({ seriesId, ...rows }) => rows)).toEqual(chunks);
        expect(back.map(({ seriesId }) => seriesId)).toEqual(chunks.map((_, i) => 3 * i + 1));
      }),
      { numRuns: 500 },
    );
  });

  test("of known shapes, and of a full chunk", () => {
    const all = Object.values(shapes());
    expect(rowsOf(blockOf(all)).map(({ seriesId, ...rows }) => rows)).toEqual(all);
    const random = randomOf(1);
    const full = Array.from({ length: 8_192 }, (_, i) => i);
    const large = {
      timesUs: full.map((i) => i * 20),
      values: full.map(() => Math.round(random() * 1e6) / 1e3),
      arrivalsS: full.map((i) => 100 + Math.floor(i / 50)),
    };
    expect(rowsOf(blockOf([large, large])).map(({ values }) => values)).toEqual([large.values, large.values]);
  });
});

test("the index knows of a chunk what its rows say; superseded rows do not count", () => {
  const row = { timesUs: [0], arrivalsS: [0] };
  const negativeZero = [
    { ...row, values: [-0] },
    { ...row, values: [0] },
  ];
  fc.assert(
    fc.property(fc.array(chunk, { minLength: 1, maxLength: 3 }), (chunks) => {
      const block = blockOf(chunks);
      const index = readBlockIndex(block.index);
      expect(block).toMatchObject({ chunks: chunks.length, seriesFrom: 1, seriesTo: 3 * chunks.length - 2 });
      chunks.forEach(({ timesUs, values }, i) => {
        const standing = values.filter((_, row) => timesUs[row] !== timesUs[row + 1]);
        const sum = standing.reduce((a, b) => a + b);
        const size = standing.reduce((a, b) => a + Math.abs(b), 0);
        expect([index.counts[i], index.superseded[i]]).toEqual([values.length, values.length - standing.length]);
        expect([index.fromUs[i], index.toUs[i]]).toEqual([timesUs[0], timesUs.at(-1)!]);
        expect([index.firsts[i], index.lasts[i]]).toEqual([standing[0], standing.at(-1)!]);
        expect(index.mins[i] === Math.min(...standing) && index.maxs[i] === Math.max(...standing)).toBe(true);
        if (Number.isFinite(sum))
          expect(Math.abs(index.sums[i] - sum)).toBeLessThanOrEqual(size * 1e-12 + Number.MIN_VALUE);
      });
    }),
    { numRuns: 300, examples: [[negativeZero]] },
  );
});

describe("damage", () => {
  const block = blockOf(Object.values(shapes()));
  const whole = rowsOf(block);

  test("of any one bit is noticed: never another value, never another error", () => {
    for (const part of ["index", "body"] as const) {
      const bytes = block[part];
      for (let bit = 0; bit < bytes.length * 8; bit += 7) {
        const damaged = bytes.slice();
        damaged[bit >> 3] ^= 1 << (bit & 7);
        expect(() => rowsOf({ ...block, [part]: damaged })).toThrow(DamagedChunkError);
      }
    }
  });

  test("of length, and random bytes", () => {
    for (const part of ["index", "body"] as const) {
      for (let length = 0; length < block[part].length; length += 11) {
        expect(() => rowsOf({ ...block, [part]: block[part].subarray(0, length) })).toThrow(DamagedChunkError);
      }
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (index) => {
        expect(() => rowsOf({ index, body: block.body })).toThrow(DamagedChunkError);
      }),
    );
    expect(rowsOf(block)).toEqual(whole);
  });

  test("a later version is named", () => {
    const later = block.index.slice();
    later[0] = 2;
    expect(() => rowsOf({ ...block, index: later })).toThrow("block format 2; this version reads 1");
  });
});

test("blocks written by version 1 are read for ever", () => {
  const index = new Uint8Array(readFileSync(join(GOLDEN, "version-1.index.bin")));
  const body = new Uint8Array(readFileSync(join(GOLDEN, "version-1.body.bin")));
  expect(rowsOf({ index, body }).map(({ seriesId, ...rows }) => rows)).toEqual(Object.values(shapes()));
});

test("a 2-decimal walk costs less than 0.75 bytes a row in chunks of 2,048", () => {
  const random = randomOf(9);
  const builder = new BlockBuilder();
  const count = 2_048;
  const timesUs = Float64Array.from({ length: count }, (_, i) => 1_700_000_000_000_000 + i * 10_000_000);
  const arrivalsS = timesUs.map((timeUs) => timeUs / 1e6 + 1);
  const chunks = 20;
  for (let id = 0; id < chunks; id++) {
    let level = 20;
    const step = () => 0.1 * Math.sqrt(-2 * Math.log(random() + 1e-9)) * Math.cos(2 * Math.PI * random());
    builder.add(
      id,
      timesUs,
      timesUs.map(() => Math.round((level += step()) * 100) / 100),
      arrivalsS,
      0,
      count,
    );
  }
  const { index, body } = builder.finish();
  expect((index.length + body.length) / (chunks * count)).toBeLessThan(0.75);
  expect(index.length / chunks).toBeLessThan(28);
});
