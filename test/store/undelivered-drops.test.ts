/** What retention took is counted once, whenever whoever counts comes. */
import { expect, test } from "bun:test";
import { UndeliveredDrops, type UndeliveredDrop } from "../../src/store/undelivered-drops.ts";

/** By series: how many points, from which time to which. */
const dropOf = (bySeries: Record<number, readonly [points: number, fromUs: number, toUs: number]>): UndeliveredDrop => {
  const [points, fromUs, toUs] = [0, 1, 2].map((i) => Float64Array.from(Object.values(bySeries), (each) => each[i]));
  const seriesIds = Uint32Array.from(Object.keys(bySeries).map(Number));
  return { points: points.reduce((sum, each) => sum + each, 0), bySeries: { seriesIds, points, fromUs, toUs } };
};

test("drops before there is anybody who counts come as their sum, others as they are", () => {
  const drops = new UndeliveredDrops();
  const counted: UndeliveredDrop[] = [];
  for (const drop of [
    dropOf({ 1: [5, 10, 20], 7: [2, 30, 40] }),
    { points: 40, bySeries: null },
    dropOf({}),
    dropOf({ 7: [3, 25, 35] }),
  ])
    drops.add(drop);
  drops.countWith((drop) => void counted.push(drop));
  const before = [dropOf({ 1: [5, 10, 20], 7: [5, 25, 40] }), { points: 40, bySeries: null }];
  expect(counted).toEqual(before);
  drops.add(dropOf({}));
  drops.add(dropOf({ 2: [1, 7, 7] }));
  expect(counted).toEqual([...before, dropOf({ 2: [1, 7, 7] })]);
});

test("nothing that was dropped is nothing to count", () => {
  const drops = new UndeliveredDrops();
  drops.add(dropOf({}));
  drops.countWith(() => expect.unreachable());
});
