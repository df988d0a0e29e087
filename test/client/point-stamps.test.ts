/** Readings without a time get one where they are read, as the server would give it. */
import { expect, test } from "bun:test";
import { fromBinary } from "@bufbuild/protobuf";
import type { Point } from "../../src/client/batch.ts";
import { pointsOf } from "../../src/client/point-file.ts";
import { PointStamps } from "../../src/client/point-stamps.ts";
import { replayBatches } from "../../src/client/replay.ts";
import { BatchDataSchema } from "../../src/wire/gen/ingestion_pb.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { inChunks } from "./nasty-rows.ts";

const T0_MS = Date.UTC(2026, 0, 1);
const T0_US = T0_MS * 1_000;

function stampsAt(clock: ManualClock) {
  const stamps = new PointStamps(clock);
  return (metric: string, tags?: Record<string, string>) =>
    stamps.stamped({ metric, value: 1, ...(tags === undefined ? {} : { tags }) }).timeUs! - T0_US;
}

test("a microsecond more for each further point of a series in a millisecond, whatever the order of its tags", () => {
  const clock = new ManualClock(T0_MS);
  const next = stampsAt(clock);
  expect([next("a"), next("a"), next("b"), next("a", { x: "1", y: "2" }), next("a", { y: "2", x: "1" })]).toEqual([
    0, 1, 0, 0, 1,
  ]);
  clock.advance(1);
  expect([next("a"), next("b"), next("b")]).toEqual([1_000, 1_000, 1_001]);
});

test("stamps that run ahead of the clock go on, and come back when it was set back", () => {
  const clock = new ManualClock(T0_MS);
  const next = stampsAt(clock);
  for (let i = 0; i < 2_500; i++) next("a");
  clock.advance(1);
  expect([next("a"), next("b")]).toEqual([2_500, 1_000]);
  clock.advance(2);
  expect([next("a"), next("a")]).toEqual([3_000, 3_001]);
  clock.setWallClock(T0_MS - 500);
  expect(next("a")).toBe(3_002);
  clock.setWallClock(T0_MS - 5_000);
  expect([next("a"), next("a")]).toEqual([-5_000_000, -4_999_999]);
});

test("points that have a time keep it, and readers stamp only when they are asked to", async () => {
  const stamps = new PointStamps(new ManualClock(T0_MS));
  const point = { metric: "m", value: 1, timeUs: 5 };
  expect(stamps.stamped(point)).toBe(point);
  const text = Buffer.from(
    '{"metric":"m","value":1}\n{"metric":"m","value":2,"timestamp":7}\n{"metric":"m","value":3}\n',
  );
  const read = async (options: { stamps?: PointStamps }) =>
    (await Array.fromAsync(pointsOf("f", inChunks(text, 16), options))).map(({ timeUs }) => timeUs);
  expect(await read({})).toEqual([undefined, 7_000_000, undefined]);
  expect(await read({ stamps })).toEqual([T0_US, 7_000_000, T0_US + 1]);
});

test("points of a chunk have the time at which it came, however long their reader waits", async () => {
  const clock = new ManualClock(T0_MS);
  const text = Buffer.from('{"metric":"a","value":1}\n{"metric":"b","value":2}\n');
  const timesUs: number[] = [];
  for await (const { timeUs } of pointsOf("f", inChunks(text, 1_000), { stamps: new PointStamps(clock) })) {
    timesUs.push(timeUs!);
    clock.advance(60_000);
  }
  expect(timesUs).toEqual([T0_US, T0_US]);
});

test("a replay stamps what has no time when it sends it, and leaves the others", async () => {
  const points: Point[] = [
    { metric: "m", value: 2, timeUs: 9 },
    { metric: "m", value: 1 },
  ];
  const stamps = new PointStamps(new ManualClock(T0_MS));
  const options = { source: "s", speed: 1_000, rebaseToMs: undefined };
  const sent = async (more: { stamps?: PointStamps }) =>
    (await Array.fromAsync(replayBatches(points, { ...options, ...more })))
      .flatMap(({ bytes }) => fromBinary(BatchDataSchema, bytes).points)
      .map(({ value, timestamp }) => [value, timestamp && Number(timestamp.seconds) * 1e6 + timestamp.nanos / 1e3]);
  expect(await sent({ stamps })).toEqual([
    [1, T0_US],
    [2, 9],
  ]);
  expect(await sent({})).toEqual([
    [1, undefined],
    [2, 9],
  ]);
});
