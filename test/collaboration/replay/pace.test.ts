/** The timing of a replay, on a clock that stands still. */
import { expect, test } from "bun:test";
import { Pace } from "../../../src/collaboration/replay/pace.ts";
import { msOfTimestamp } from "../../../src/wire/timestamp.ts";
import { contextOf, ReplayRig, START_MS } from "./replay-rig.ts";

test("what happened is due as much later as it was, by the speed", () => {
  const pace = new Pace(1_000, 10, 500);
  expect(pace.next(1_000, 500)).toEqual({ kind: "send" });
  expect(pace.next(6_000, 500)).toEqual({ kind: "wait", untilMs: 1_000 });
  expect(pace.next(6_000, 999)).toEqual({ kind: "wait", untilMs: 1_000 });
  expect(pace.next(6_000, 1_000)).toEqual({ kind: "send" });
});

test("a mark comes once a second while nothing else does, and says where the replay stands", () => {
  const pace = new Pace(0, 2, 0);
  expect(pace.next(60_000, 0)).toEqual({ kind: "wait", untilMs: 1_000 });
  expect(pace.next(60_000, 1_000)).toEqual({ kind: "mark", atMs: 2_000, behindMs: 0 });
  expect(pace.next(60_000, 1_000)).toEqual({ kind: "wait", untilMs: 2_000 });
});

test("what is late is sent at once, with a mark of how late it is, one a second", () => {
  const pace = new Pace(0, 1, 0);
  expect(pace.next(0, 0)).toEqual({ kind: "send" });
  expect(pace.next(100, 5_000)).toEqual({ kind: "mark", atMs: 100, behindMs: 4_900 });
  expect(pace.next(100, 5_000)).toEqual({ kind: "send" });
  expect(pace.next(200, 5_500)).toEqual({ kind: "send" });
  expect(pace.next(300, 6_000)).toEqual({ kind: "mark", atMs: 300, behindMs: 5_700 });
});

test("as fast as possible nothing waits", () => {
  const pace = new Pace(0, 0, 0);
  expect(pace.next(1e12, 0)).toEqual({ kind: "send" });
});

/** Texts of messages, once they came, by the time they came at. */
async function heardAt(rig: ReplayRig, speed: number, untilMs: number): Promise<[string, number][]> {
  const startedMs = rig.clock.monotonicMs();
  const heard: [string, number][] = [];
  let isEnded = false;
  const reading = (async () => {
    for await (const { event } of await rig.stream("s", { speed })) {
      if (event.case === "message") heard.push([event.value.message, rig.clock.monotonicMs() - startedMs]);
      if (event.case === "mark" && event.value.end) isEnded = true;
    }
  })();
  while (rig.clock.monotonicMs() - startedMs < untilMs && !isEnded) {
    await turns();
    rig.clock.advance(Math.min(rig.clock.dueInMs, 1_000));
  }
  await turns();
  expect(isEnded).toBe(true);
  await reading;
  return heard;
}

async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => void setImmediate(resolve));
}

async function withGaps(rig: ReplayRig): Promise<void> {
  await rig.session("s");
  for (const [text, gapMs] of [
    ["a", 300],
    ["b", 12_000],
    ["c", 50],
    ["d", 0],
  ] as const) {
    await rig.say("s", text);
    rig.clock.advance(gapMs);
  }
}

test("messages come in their own timing, faster or slower", async () => {
  using rig = new ReplayRig();
  await withGaps(rig);
  for (const speed of [0.1, 1, 10, 1_000]) {
    const heard = await heardAt(rig, speed, 200_000);
    const wanted = [0, 300, 12_300, 12_350].map((ms) => ms / speed);
    expect(heard.map(([text]) => text)).toEqual(["a", "b", "c", "d"]);
    heard.forEach(([, atMs], i) => expect(atMs).toBeCloseTo(wanted[i], 3));
  }
});

test("a reader that stops holds the replay back, hears how far behind it is, and misses nothing", async () => {
  using rig = new ReplayRig();
  await rig.session("s");
  for (let i = 0; i < 20; i++) {
    await rig.say("s", `text ${i}`);
    rig.clock.advance(100);
  }
  const stream = (await rig.stream("s", { speed: 1 }))[Symbol.asyncIterator]();
  const first = [await stream.next(), await stream.next()].map(({ value }) => value!.event.case);
  expect(first).toEqual(["mark", "message"]);
  rig.clock.advance(10_000);
  await turns();
  const rest: string[] = [];
  const behind: number[] = [];
  for (;;) {
    const { value, done } = await stream.next();
    if (done) break;
    if (value.event.case === "message") rest.push(value.event.value.message);
    if (value.event.case === "mark") behind.push(Number(value.event.value.behindMs));
    expect(msOfTimestamp(value.at!)).toBeLessThanOrEqual(START_MS + 1_901);
  }
  expect(rest).toEqual(Array.from({ length: 19 }, (_, i) => `text ${i + 1}`));
  expect(behind).toEqual([9_900, 0]);
});

test("a reader that leaves ends it, and nothing stays on the clock", async () => {
  using rig = new ReplayRig();
  await withGaps(rig);
  const leave = new AbortController();
  const stream = (await rig.stream("s", { speed: 1 }, contextOf(leave.signal)))[Symbol.asyncIterator]();
  await stream.next();
  await stream.next();
  const waiting = stream.next();
  await turns();
  expect(rig.clock.timers).toBe(1);
  leave.abort();
  expect(waiting).rejects.toThrow();
  await turns();
  expect(rig.clock.timers).toBe(0);
});
