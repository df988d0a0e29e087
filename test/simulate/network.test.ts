/** What a bad network decides: from its seed and the place of a byte, not from how the bytes were cut. */
import { expect, test } from "bun:test";
import { outagesOf, PERFECT_NETWORK, SEGMENT_BYTES, SegmentDelays } from "../../src/simulate/network.ts";
import { Random } from "../../src/simulate/random.ts";

const SEGMENTS = 20_000;

const delays = (conditions: object, offsets: readonly number[], seed = "n") => {
  const direction = new SegmentDelays({ ...PERFECT_NETWORK, ...conditions }, new Random(seed));
  return offsets.map((offset) => direction.delayMsAt(offset));
};
const segments = Array.from({ length: SEGMENTS }, (_, i) => i * SEGMENT_BYTES);

test("a perfect one does nothing", () => {
  expect(new Set(delays({}, segments))).toEqual(new Set([0]));
  expect([...outagesOf(PERFECT_NETWORK, new Random("n"))]).toEqual([]);
});

test("delays depend on seed and place alone", () => {
  const conditions = { latencyMs: 40, jitterMs: 10, loss: 0.02 };
  const all = delays(conditions, segments);
  expect(delays(conditions, segments)).toEqual(all);
  expect(delays(conditions, segments, "m")).not.toEqual(all);
  const bytes = Array.from({ length: 5 * SEGMENT_BYTES }, (_, i) => i);
  expect(delays(conditions, bytes)).toEqual(bytes.map((offset) => all[Math.floor(offset / SEGMENT_BYTES)]));
});

test("latency, the mean of jitter, and the share that is lost are what they should be", () => {
  const jittered = delays({ latencyMs: 40, jitterMs: 10 }, segments);
  expect(Math.min(...jittered)).toBeWithin(40, 40.1);
  expect(jittered.reduce((sum, ms) => sum + ms) / SEGMENTS).toBeWithin(49, 51);
  const lost = delays({ loss: 0.1 }, segments).filter((ms) => ms > 0);
  expect(lost.length / SEGMENTS).toBeWithin(0.09, 0.11);
  expect(new Set(lost)).toContain(200);
  expect(new Set(lost)).toContain(200 + 400);
});

test("outages come as often as they should, one after the other, the same for the same seed", () => {
  const conditions = { ...PERFECT_NETWORK, disconnectsPerHour: 60, outageMs: 5_000 };
  const first = (seed: string) => outagesOf(conditions, new Random(seed)).take(2_000).toArray();
  const outages = first("n");
  expect(first("n")).toEqual(outages);
  expect(outages.every(({ startMs, endMs }) => endMs - startMs === 5_000)).toBe(true);
  expect(outages.every(({ startMs }, i) => i === 0 || startMs >= outages[i - 1].endMs)).toBe(true);
  const hours = outages.at(-1)!.startMs / 3_600_000;
  expect(2_000 / hours).toBeWithin(52, 58);
});
