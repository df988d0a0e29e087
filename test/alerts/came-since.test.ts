import { expect, test } from "bun:test";
import { cameSince } from "../../src/alerts/evaluation/came-since.ts";
import type { ArrivalQuery, ArrivalResult } from "../../src/store/protocol.ts";
import { ManualClock } from "../support/manual-clock.ts";

const END = { isDamaged: false, next: null };
type Row = readonly [slot: number, timeS: number, value: number, arrivalS: number];

function partOf(rows: readonly Row[], more: Partial<ArrivalResult> = {}): ArrivalResult {
  return {
    slots: Uint32Array.from(rows, ([slot]) => slot),
    timesUs: Float64Array.from(rows, ([, timeS]) => timeS * 1e6),
    values: Float64Array.from(rows, ([, , value]) => value),
    arrivalsS: Float64Array.from(rows, ([, , , arrivalS]) => arrivalS),
    ...{ ...END, ...more },
  };
}

function rig() {
  const clock = new ManualClock();
  const nowS = Math.floor(clock.nowMs() / 1_000);
  const troubles: string[] = [];
  const asked: ArrivalQuery[] = [];
  const since = (afterMs: number, parts: readonly Promise<ArrivalResult>[]) => {
    const history = { arrivals: (query: ArrivalQuery) => parts[asked.push(query) - 1] };
    return cameSince([7, 3, 7], afterMs, { history, clock, onTrouble: (sentence) => troubles.push(sentence) });
  };
  return { clock, nowS, troubles, asked, since };
}

test("what came after a time comes as frames, second by second and there by time", async () => {
  const { nowS, troubles, asked, since } = rig();
  const fromS = nowS - 4;
  const next = { fromS: nowS - 3, fromSlot: 1 };
  const first = partOf([[0, fromS + 0.2, 1, fromS], [0, fromS + 0.8, 2, fromS], [0, fromS + 1.7, 3, fromS + 1]], { next }); // prettier-ignore
  const frames = await since(fromS * 1_000 + 500, [
    Promise.resolve(first),
    Promise.resolve(partOf([[1, fromS + 1.2, 4, fromS + 1]])),
  ]);
  expect(
    frames.map(({ seriesIds, values, arrivalMs }) => [[...seriesIds], [...values], arrivalMs / 1_000 - fromS]),
  ).toEqual([
    [[3], [2], 1],
    [[7, 3], [4, 3], 2],
  ]);
  expect(asked.map(({ seriesIds, fromS: from, fromSlot }) => [[...seriesIds], from, fromSlot])).toEqual([
    [[3, 7], fromS, 0],
    [[3, 7], next.fromS, next.fromSlot],
  ]);
  expect(troubles).toEqual([]);
});

test("what is not read in time is left, and said", async () => {
  const { clock, nowS, troubles, since } = rig();
  const part = partOf([[0, nowS, 1, nowS]], { next: { fromS: nowS, fromSlot: 1 } });
  const frames = since(nowS * 1_000 - 1, [Promise.resolve(part), new Promise(() => {})]);
  for (let i = 0; i < 10; i++) await Promise.resolve();
  clock.advance(3_000);
  expect((await frames).map(({ count }) => count)).toEqual([1]);
  expect(troubles.join()).toContain("not read within 3 s");
});
