import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  COLUMNS,
  makingRoom,
  movedBy,
  overlaps,
  placeFor,
  resizedBy,
  settled,
  type Rect,
} from "../../../src/console/views/dashboards/grid-layout.ts";

const rect = (id: string, x: number, y: number, width: number, height: number): Rect => ({ id, x, y, width, height });

/** Anything that a file may say, also what lies outside or overlaps. */
const anyRects = fc
  .array(
    fc.record({
      x: fc.integer({ min: -3, max: 20 }),
      y: fc.integer({ min: -3, max: 40 }),
      width: fc.integer({ min: -1, max: 20 }),
      height: fc.integer({ min: -1, max: 12 }),
    }),
    { maxLength: 25 },
  )
  .map((rects) => rects.map((each, i) => ({ id: `p${i}`, ...each })));

function expectSound(rects: readonly Rect[]): void {
  for (const [i, one] of rects.entries()) {
    expect(one.x >= 0 && one.width >= 1 && one.x + one.width <= COLUMNS && one.y >= 0 && one.height >= 1).toBe(true);
    for (const other of rects.slice(i + 1)) expect(overlaps(one, other)).toBe(false);
  }
}

test("whatever a file says, panels neither overlap nor lie outside, and settling twice changes nothing", () => {
  fc.assert(
    fc.property(anyRects, (rects) => {
      const once = settled(rects);
      expectSound(once);
      expect(once.map(({ id }) => id)).toEqual(rects.map(({ id }) => id));
      expect(settled(once)).toEqual(once);
    }),
  );
});

test("nothing hangs in the air: above each panel is the top or another one", () => {
  fc.assert(
    fc.property(anyRects, (rects) => {
      const all = settled(rects);
      for (const one of all) {
        const higher = { ...one, y: one.y - 1 };
        expect(one.y === 0 || all.some((other) => other.id !== one.id && overlaps(other, higher))).toBe(true);
      }
    }),
  );
});

test("wherever a panel is moved or resized to, the others make room, and taking it back puts all back", () => {
  const step = fc.integer({ min: -15, max: 15 });
  fc.assert(
    fc.property(anyRects, fc.nat(), step, step, step, step, (rects, which, columns, rows, wider, higher) => {
      fc.pre(rects.length > 0);
      const before = settled(rects);
      const one = before[which % before.length];
      const wanted = resizedBy(movedBy(one, columns, rows), wider, higher);
      const after = makingRoom(before, wanted);
      expectSound(after);
      const held = after.find(({ id }) => id === one.id)!;
      expect([held.x, held.width, held.height]).toEqual([wanted.x, wanted.width, wanted.height]);
      expect(held.y).toBeLessThanOrEqual(wanted.y);
      expect(makingRoom(before, one)).toEqual(before);
      expectSound(settled(after));
    }),
  );
});

test("panels that are not in the way stay where they are", () => {
  const before = [rect("a", 0, 0, 6, 4), rect("b", 6, 0, 6, 4), rect("c", 6, 4, 6, 4)];
  const after = makingRoom(before, { ...before[0], height: 6 });
  expect(after.slice(1)).toEqual(before.slice(1));
});

test("a panel that is moved onto the next one changes places with it", () => {
  const before = [rect("a", 0, 0, 6, 4), rect("b", 0, 4, 6, 4)];
  expect(makingRoom(before, movedBy(before[0], 0, 1))).toEqual([rect("a", 0, 1, 6, 4), rect("b", 0, 5, 6, 4)]);
  expect(makingRoom(before, movedBy(before[0], 0, 4))).toEqual([rect("a", 0, 4, 6, 4), rect("b", 0, 0, 6, 4)]);
});

test("it cannot be moved out of the grid, nor made too small to take hold of", () => {
  const one = rect("a", 8, 0, 4, 4);
  expect(movedBy(one, 5, -3)).toEqual(one);
  expect(resizedBy(one, 3, 0)).toEqual(one);
  expect(resizedBy(one, -9, -9)).toEqual({ ...one, width: 2, height: 2 });
});

test("a new panel stands where there is room, and nothing moves for it", () => {
  fc.assert(
    fc.property(anyRects, fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 9 }), (rects, width, height) => {
      const before = settled(rects);
      const after = [...before, { id: "new", ...placeFor(before, width, height) }];
      expect(settled(after)).toEqual(after);
    }),
  );
  expect(placeFor([rect("a", 0, 0, 6, 4)], 6, 4)).toEqual({ x: 6, y: 0, width: 6, height: 4 });
});
