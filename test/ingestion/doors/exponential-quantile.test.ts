import { expect, test } from "bun:test";
import fc from "fast-check";
import { exponentialQuantile } from "../../../src/ingestion/doors/exponential-quantile.ts";

const SCALE = 3;
const BASE = 2 ** (2 ** -SCALE);

function buckets(sizes: readonly number[]) {
  const indexes = sizes.map((size) => Math.ceil(Math.log(size) / Math.log(BASE)) - 1);
  const offset = Math.min(...indexes, 0);
  const bucketCounts = new Array<bigint>(Math.max(...indexes, 0) - offset + 1).fill(0n);
  for (const index of indexes) bucketCounts[index - offset]++;
  return { offset, bucketCounts } as never;
}

test("a quantile is within a bucket's width of the value at its rank", () => {
  const value = fc.oneof(fc.double({ min: 1e-3, max: 1e6, noNaN: true }), fc.constant(0));
  const signed = fc.tuple(value, fc.boolean()).map(([size, isNegative]) => (isNegative && size > 0 ? -size : size));
  const quantile = fc.constantFrom(0, 0.1, 0.5, 0.9, 0.99, 1);
  fc.assert(
    fc.property(fc.array(signed, { minLength: 1, maxLength: 60 }), quantile, (values, q) => {
      const sorted = values.toSorted((a, b) => a - b);
      const wanted = sorted[Math.max(Math.ceil(q * values.length) - 1, 0)];
      const positive = buckets(values.filter((v) => v > 0));
      const negative = buckets(values.filter((v) => v < 0).map((v) => -v));
      const zeroCount = BigInt(values.filter((v) => v === 0).length);
      const found = exponentialQuantile({ scale: SCALE, zeroCount, positive, negative }, q);
      expect(Math.sign(found)).toBe(Math.sign(wanted));
      if (wanted !== 0) expect(Math.abs(Math.log(found / wanted))).toBeLessThan(Math.log(BASE) * 1.01);
    }),
  );
});

test("no further than the least and the greatest; of nothing there is none", () => {
  const positive = { offset: 0, bucketCounts: [4n] } as never;
  const point = { scale: 0, zeroCount: 0n, positive, max: 1.25 };
  expect(exponentialQuantile(point, 0.5)).toBe(1.25);
  expect(exponentialQuantile({ scale: 0, zeroCount: 0n }, 0.5)).toBeNaN();
});
