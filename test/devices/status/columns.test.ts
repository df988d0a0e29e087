/** The columns beneath, against what is plainly right. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { DeadlineHeap } from "../../../src/devices/status/deadline-heap.ts";
import { Family } from "../../../src/devices/status/family.ts";
import { GAPS_MAX, GapRings } from "../../../src/devices/status/gap-rings.ts";
import { INTERVAL_MIN_MS } from "../../../src/devices/status/thresholds.ts";
import { quantileOf } from "../../../src/model/quantile.ts";

test("the percentile of the last 64 gaps, also where it is not computed anew", () => {
  const gap = fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 1_000, max: 1_010 }) },
    { weight: 5, arbitrary: fc.integer({ min: 29_990, max: 30_010 }) },
    fc.integer({ min: 1_000, max: 2 ** 33 }),
  );
  /** Below that it does not matter. */
  const told = (p95Ms: number) => Math.max(p95Ms, INTERVAL_MIN_MS);
  fc.assert(
    fc.property(fc.array(gap, { minLength: 4, maxLength: 300 }), (gaps) => {
      const rings = new GapRings();
      rings.resize(3);
      let p95Ms = NaN;
      for (const [i, one] of gaps.entries()) {
        if (rings.add(1, one)) p95Ms = rings.p95Ms(1);
        const last = gaps.slice(Math.max(0, i + 1 - GAPS_MAX), i + 1).map((ms) => Math.min(ms, 2 ** 32 - 1));
        expect(rings.of(1)).toEqual(last);
        if (last.length < 4) expect(p95Ms).toBeNaN();
        else expect(told(p95Ms)).toBeCloseTo(told(quantileOf(Float64Array.from(last).sort(), 0.95)), 3);
      }
      expect([rings.of(0), rings.of(2)]).toEqual([[], []]);
    }),
  );
});

test("the heap names whoever is due first, whatever is moved or taken out", () => {
  const move = fc.tuple(fc.nat(20), fc.option(fc.nat(50), { nil: Infinity }));
  fc.assert(
    fc.property(fc.array(move, { maxLength: 200 }), (moves) => {
      const heap = new DeadlineHeap();
      heap.resize(21);
      const plain = new Map<number, number>();
      for (const [device, atMs] of moves) {
        heap.set(device, atMs);
        if (atMs === Infinity) plain.delete(device);
        else plain.set(device, atMs);
        expect(heap.nextAtMs).toBe(Math.min(Infinity, ...plain.values()));
        expect(heap.atMs(device)).toBe(atMs);
        if (plain.size > 0) expect(plain.get(heap.next)).toBe(heap.nextAtMs);
      }
    }),
  );
});

test("children are those whose parent it is", () => {
  const move = fc.tuple(fc.nat(8), fc.integer({ min: -1, max: 8 }));
  fc.assert(
    fc.property(fc.array(move, { maxLength: 100 }), (moves) => {
      const family = new Family();
      family.resize(9);
      const parents = new Map<number, number>();
      for (const [device, parent] of moves) {
        family.setParent(device, parent);
        parents.set(device, parent === device ? -1 : parent);
      }
      for (let device = 0; device < 9; device++) {
        expect(family.parentOf(device)).toBe(parents.get(device) ?? -1);
        const children = [...parents].filter(([, parent]) => parent === device).map(([child]) => child);
        expect([...family.childrenOf(device)].sort()).toEqual(children.sort());
      }
    }),
  );
});
