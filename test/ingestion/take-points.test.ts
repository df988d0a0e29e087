import { expect, test } from "bun:test";
import { takePointsOf } from "../../src/ingestion/take-points.ts";
import type { IncomingPoint } from "../../src/model/incoming-point.ts";
import { createRig, pointsOf, turns } from "./rig.ts";

const { signal } = new AbortController();

function point(change: Partial<IncomingPoint>): IncomingPoint {
  return { metric: "t", source: "gw", tags: [["device", "d1"]], timeUs: 5, value: 1, ...change };
}

test("points are durable once they are taken, and a bad one costs only itself", async () => {
  const rig = createRig();
  const take = takePointsOf(rig);
  rig.log.held = true;
  const far = (rig.clock.nowMs() + 3_600_000) * 1_000;
  let taken: unknown;
  const taking = take(
    [
      point({}),
      point({ metric: "a b" }),
      point({ value: NaN }),
      point({ timeUs: 6.7, value: 2 }),
      point({ timeUs: far }),
    ],
    { signal },
  ).then((result) => (taken = result));
  await turns();
  expect(taken).toBeUndefined();
  rig.log.sync();
  await taking;
  expect(taken).toMatchObject({ kept: 2, refusedTotal: 3 });
  const { refused } = taken as { refused: { index: number; reason: string }[] };
  expect(refused.map(({ index }) => index)).toEqual([1, 2, 4]);
  expect(refused[0].reason).toContain('metric_name is "a b"');
  expect(pointsOf(rig.log.synced)).toEqual(["t gw device d1@5=1", "t gw device d1@6=2"]);
  expect(rig.budget.reservedBytes).toBe(0);
  // A refused name is no reason for a series.
  expect(rig.registry.count).toBe(1);
});

test("a point without a time gets that of its arrival", async () => {
  const rig = createRig();
  await takePointsOf(rig)([point({ timeUs: NaN })], { signal });
  expect(pointsOf(rig.log.synced)).toEqual([`t gw device d1@${rig.clock.nowMs() * 1_000}=1`]);
});

test("where the log fails all are to be given again, and their memory is free", async () => {
  const rig = createRig();
  rig.log.held = true;
  const taking = takePointsOf(rig)([point({})], { signal });
  await turns();
  rig.log.fail("disk is gone");
  expect(taking).rejects.toThrow("disk is gone");
  await turns();
  expect(rig.budget.reservedBytes).toBe(0);
});
