/** What of the journal goes by age: when, in which slices, and what is never lost with it. */
import { expect, test } from "bun:test";
import { forgetOld, trimSlice, type ForgetSlice } from "../../src/log/journal-retention.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { tempDir } from "../support/server-process.ts";
import { openJournal } from "./journal-rig.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

function eventAt(atMs: number) {
  return { atMs, kind: "alert", subject: "a", actor: "", payload: "{}" };
}

test("entries that are older go in slices, up to the first that is not; documents stay", async () => {
  using dir = tempDir("journal-retention");
  await using open = await openJournal(dir.path);
  const { journal } = open;
  const change = { collection: "alerts", key: "a", sort: 0, value: "{}" };
  await journal.append([], [change]);
  await journal.append(Array.from({ length: 1_200 }, (_, i) => eventAt(i)));
  // A clock that was wrong for a while.
  await journal.append([5_000, 700, 701, 6_000].map(eventAt));
  const slice = trimSlice(journal, new ManualClock(1_000 * DAY_MS));
  const timesOf = async () => (await journal.read({ after: 0, limit: 9_999 })).map(({ atMs }) => atMs);
  expect(await slice(0)).toBe(false);
  expect(journal.firstPosition).toBe(1);
  expect(await slice(1_000)).toBe(true);
  expect((await timesOf())[0]).toBe(500);
  expect(await slice(1_000)).toBe(true);
  expect(await slice(1_000)).toBe(false);
  expect((await timesOf())[0]).toBe(1_000);
  expect(await slice(2_000)).toBe(false);
  expect(await timesOf()).toEqual([5_000, 700, 701, 6_000]);
  expect(await slice(9_000)).toBe(false);
  expect({ times: await timesOf(), last: journal.lastPosition }).toEqual({ times: [], last: 1_204 });
  expect(await slice(9_000)).toBe(false);
  expect(() => journal.positionOf(journal.cursorOf(1))).toThrow("no longer kept");
  expect(journal.positionOf(journal.cursorOf(1_204))).toBe(1_204);
  expect(await journal.document("alerts", "a")).toMatchObject(change);
  expect(await journal.append([eventAt(1)])).toMatchObject([{ position: 1_205 }]);
});

test("times still to come, of a clock that was ahead, go with what is old behind them", async () => {
  using dir = tempDir("journal-ahead");
  await using open = await openJournal(dir.path);
  const { journal } = open;
  const slice = trimSlice(journal, new ManualClock(1_000));
  await journal.append([1, 5_000, 2, 900, 3, 7_000].map(eventAt));
  expect(await slice(500)).toBe(false);
  expect((await journal.read({ after: 0, limit: 9 })).map(({ atMs }) => atMs)).toEqual([900, 3, 7_000]);
  expect(await slice(950)).toBe(false);
  expect((await journal.read({ after: 0, limit: 9 })).map(({ atMs }) => atMs)).toEqual([7_000]);
});

/** Each asked for how old what goes is, until there is no more. */
function rig(keptMs: number, more: number[]) {
  const clock = new ManualClock(1_000 * DAY_MS);
  const asked: number[] = [];
  const troubles: string[] = [];
  const slice: ForgetSlice = async (beforeMs) => {
    asked.push(clock.nowMs() - beforeMs);
    const left = more.shift() ?? 0;
    if (left < 0) throw new Error("the disk is full");
    return left > 0;
  };
  const end = forgetOld([slice, slice], { keptMs, clock, onTrouble: (sentence) => troubles.push(sentence) });
  const advance = async (ms: number) => {
    clock.advance(ms);
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  return { clock, asked, troubles, end, advance };
}

test("soon after the start and once an hour, one slice after the other with a pause in between", async () => {
  const { asked, troubles, end, advance } = rig(400 * DAY_MS, [1, 0, 0]);
  await advance(59_000);
  expect(asked).toHaveLength(0);
  await advance(1_000);
  expect(asked).toEqual([400 * DAY_MS]);
  await advance(49);
  expect(asked).toHaveLength(1);
  await advance(1);
  expect(asked).toHaveLength(3);
  await advance(HOUR_MS);
  expect(asked).toHaveLength(5);
  await end();
  await advance(HOUR_MS);
  expect({ asked: asked.length, troubles }).toEqual({ asked: 5, troubles: [] });
});

test("what fails is said, and tried again an hour later", async () => {
  const { asked, troubles, end, advance } = rig(DAY_MS, [-1]);
  await advance(60_000);
  expect({ asked: asked.length, troubles }).toEqual({
    asked: 1,
    troubles: ["what is old cannot be forgotten: the disk is full"],
  });
  await advance(HOUR_MS);
  expect(asked).toHaveLength(3);
  await end();
});

test("nothing at all where everything is kept, and an end waits for the slice that is under way", async () => {
  const kept = rig(Infinity, []);
  expect(kept.clock.timers).toBe(0);
  await kept.end();

  const clock = new ManualClock(0);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  let slices = 0;
  const slice = async () => (slices++, promise);
  const end = forgetOld([slice], { keptMs: DAY_MS, clock, onTrouble() {} });
  clock.advance(60_000);
  await Promise.resolve();
  let isEnded = false;
  const ended = end().then(() => (isEnded = true));
  await Promise.resolve();
  expect({ slices, isEnded }).toEqual({ slices: 1, isEnded: false });
  resolve(true);
  await ended;
  expect({ slices, timers: clock.timers }).toEqual({ slices: 1, timers: 0 });
});
