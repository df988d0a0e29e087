import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { PlayHead } from "../../src/console/data/replay/play-head.ts";
import { ITEMS_MAX, POINTS_MAX, ReplayBuffer } from "../../src/console/data/replay/replay-buffer.ts";
import { ReplayCursor } from "../../src/console/data/replay/replay-cursor.ts";
import { episodesAt } from "../../src/console/data/replay/replay-episodes.ts";
import { markBeside, marksOf, partOf, spacedMarks } from "../../src/console/data/replay/replay-marks.ts";
import { AlertChange, AlertSchema, AlertState } from "../../src/wire/gen/alerts_pb.ts";
import { ReplayEventSchema, type ReplayEvent } from "../../src/wire/gen/collaboration_pb.ts";
import { timestampOfMs } from "../../src/wire/timestamp.ts";
import { randomOf } from "../support/random.ts";

const [FROM_MS, TO_MS] = [1_000_000, 1_600_000];

function event(atMs: number, what: NonNullable<MessageInitShape<typeof ReplayEventSchema>["event"]>): ReplayEvent {
  return create(ReplayEventSchema, { at: timestampOfMs(atMs), event: what });
}

const mark = (atMs: number, end = false) =>
  event(atMs, { case: "mark", value: { from: timestampOfMs(FROM_MS), to: timestampOfMs(TO_MS), end } });

/** Points that come late or replace others, alerts that fire and end, messages, notes that are made and removed. */
function recorded(seed: number, count = 300): ReplayEvent[] {
  const random = randomOf(seed);
  const below = (bound: number) => Math.floor(random() * bound);
  const events = [mark(FROM_MS)];
  let atMs = FROM_MS;
  for (let i = 0; i < count; i++) {
    atMs += below(4) === 0 ? 0 : below(3_500);
    const id = `a${below(5)}`;
    if (below(5) === 0) {
      const state = below(2) === 0 ? AlertState.ACTIVE : AlertState.CLEARED;
      const change = state === AlertState.ACTIVE ? AlertChange.FIRED : AlertChange.CLEARED;
      events.push(event(atMs, { case: "alert", value: { alert: { id, state, change, severity: "high", title: id } } }));
    } else if (below(4) === 0) {
      const said = { number: BigInt(i + 1), userId: "ann", message: `m${i}` };
      const annotation = { id: `n${below(4)}`, removed: below(3) === 0, text: `note ${i}` };
      const value =
        below(2) === 0 ? { ...said, messageType: "chat" } : { ...said, messageType: "annotation", annotation };
      events.push(event(atMs, { case: "message", value }));
    } else {
      const series = Array.from({ length: 1 + below(2) }, () => {
        const timesMs = Array.from(
          { length: 1 + below(3) },
          () => atMs + below(900) - (below(5) === 0 ? below(9) * 1_000 : 0),
        );
        const unique = [...new Set(timesMs)].sort((a, b) => a - b);
        return { metric: "load", source: `s${below(3)}`, timesMs: unique, values: unique.map(() => below(100)) };
      });
      events.push(event(atMs, { case: "points", value: { series } }));
    }
  }
  return [...events, mark(TO_MS, true)];
}

function read(events: readonly ReplayEvent[]): ReplayBuffer {
  const buffer = new ReplayBuffer();
  for (const each of events) buffer.take(each);
  return buffer;
}

/** All that a page shows at a time. */
function shownAt(buffer: ReplayBuffer, cursor: ReplayCursor, atMs: number) {
  const { said, heard, alerts, annotations } = cursor.seek(atMs);
  const points = [...buffer.series].map(([key, series]) => {
    const { timesMs, values } = series.at(atMs);
    return [key, [...timesMs], [...values]];
  });
  const firing = [...alerts.values()].map(({ id, state }) => `${id} ${state}`).sort();
  return { said, heard, firing, notes: [...annotations.values()].map(({ text }) => text).sort(), points };
}

test("how it stood at a time is the same after any jumps as played straight to it", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = randomOf(seed * 7_919);
    const events = recorded(seed);
    const buffer = read(events);
    const jumping = new ReplayCursor(buffer);
    for (let jump = 0; jump < 8; jump++) {
      const atMs = FROM_MS + random() * (TO_MS - FROM_MS) * 1.1;
      const straight = read(events);
      const cursor = new ReplayCursor(straight);
      for (let playedMs = FROM_MS; playedMs < atMs; playedMs += 9_000) shownAt(straight, cursor, playedMs);
      expect({ seed, atMs, ...shownAt(buffer, jumping, atMs) }).toEqual({
        seed,
        atMs,
        ...shownAt(straight, cursor, atMs),
      });
    }
  }
});

test("a time shows nothing of what came later: as if it had been read up to there alone", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const events = recorded(seed);
    const all = read(events);
    const atMs = FROM_MS + randomOf(seed)() * 400_000;
    const before = read(events.filter(({ at }) => Number(at!.seconds) * 1_000 + at!.nanos / 1e6 <= atMs));
    const [whole, part] = [shownAt(all, new ReplayCursor(all), atMs), shownAt(before, new ReplayCursor(before), atMs)];
    const nonEmpty = (shown: typeof whole) => ({
      ...shown,
      points: shown.points.filter(([, times]) => times.length > 0),
    });
    expect({ seed, ...nonEmpty(whole) }).toEqual({ seed, ...nonEmpty(part) });
  }
});

test("an alert is shaded from when it fired to the time that is shown, or to its end if that was before", () => {
  const alert = (id: string, context: Record<string, string>, clearedMs?: number) =>
    create(AlertSchema, {
      ...{ id, severity: "high", context, createdAt: timestampOfMs(FROM_MS) },
      ...(clearedMs !== undefined && { clearedAt: timestampOfMs(clearedMs) }),
    });
  const alerts = [
    alert("fires", { metric: "level", device: "tank" }),
    alert("over", { metric: "level" }, FROM_MS + 1_000),
    alert("later over", { device: "tank" }, FROM_MS + 9_000),
    alert("other metric", { metric: "load", device: "tank" }),
    alert("other device", { metric: "level", device: "pump" }),
  ];
  const shaded = episodesAt(FROM_MS + 5_000, alerts, { metric: "level", devices: new Set(["tank"]) });
  expect(shaded.map(({ alertId, fromMs, toMs }) => [alertId, fromMs - FROM_MS, toMs! - FROM_MS])).toEqual([
    ["fires", 0, 5_000],
    ["over", 0, 1_000],
    ["later over", 0, 5_000],
  ]);
});

test("each time stands once, ascending, with what was written last by then", () => {
  const points = (atMs: number, timesMs: number[], values: number[]) =>
    event(atMs, { case: "points", value: { series: [{ metric: "load", source: "s", timesMs, values }] } });
  const buffer = read([
    mark(FROM_MS),
    points(1_001_000, [1_001_000], [1]),
    points(1_003_000, [1_003_100], [3]),
    points(1_009_000, [1_001_000, 1_002_000], [10, 2]),
  ]);
  const [series] = buffer.series.values();
  const at = (ms: number) => [[...series.at(ms).timesMs], [...series.at(ms).values]];
  expect(at(1_000_999)).toEqual([[], []]);
  // It came within the second that is told at its beginning: it is shown at its own time.
  expect(at(1_003_050)).toEqual([[1_001_000], [1]]);
  expect(at(1_003_100)).toEqual([
    [1_001_000, 1_003_100],
    [1, 3],
  ]);
  expect(at(1_009_000)).toEqual([
    [1_001_000, 1_002_000, 1_003_100],
    [10, 2, 3],
  ]);
  expect(at(1_003_100)).toEqual([
    [1_001_000, 1_003_100],
    [1, 3],
  ]);
});

test("marks: people and alerts, none who come and go; the next one and the one before; few on one place", () => {
  const buffer = read(recorded(3));
  const marks = marksOf(buffer);
  expect(marks.map(({ atMs }) => atMs)).toEqual(marks.map(({ atMs }) => atMs).sort((a, b) => a - b));
  const middle = marks[Math.floor(marks.length / 2)];
  expect(markBeside(marks, middle.atMs, 1)!.atMs).toBeGreaterThan(middle.atMs);
  expect(markBeside(marks, middle.atMs, -1)!.atMs).toBeLessThan(middle.atMs);
  expect(markBeside(marks, marks.at(-1)!.atMs, 1)).toBeUndefined();
  expect(spacedMarks(marks, { fromMs: FROM_MS, toMs: TO_MS }, 10).length).toBeLessThanOrEqual(10 + 1);
  const coming = event(FROM_MS, { case: "message", value: { messageType: "system", metadata: { event: "joined" } } });
  expect(marksOf(read([mark(FROM_MS), coming]))).toEqual([]);
});

test("a time has a place in any span, also in one without length", () => {
  const span = { fromMs: 1_000, toMs: 3_000 };
  expect([0, 1_000, 2_500, 3_000, 9_000, NaN].map((ms) => partOf(span, ms))).toEqual([0, 0, 0.75, 1, 1, 0]);
  expect(partOf({ fromMs: 1_000, toMs: 1_000 }, 1_000)).toBe(0);
});

test("more than a bound is not held", () => {
  const timesMs = Array.from({ length: POINTS_MAX / 2 }, (_, i) => FROM_MS + i);
  const many = event(FROM_MS, { case: "points", value: { series: [{ metric: "m", timesMs, values: timesMs }] } });
  const buffer = read([mark(FROM_MS), many]);
  expect(buffer.isFull).toBe(false);
  buffer.take(many);
  expect(buffer.isFull).toBe(true);
  const said = event(FROM_MS, { case: "message", value: { messageType: "chat" } });
  expect(read(Array.from({ length: ITEMS_MAX }, () => said)).isFull).toBe(true);
});

test("played, the time goes on with the clock and the speed, waits for what is not read, and stops at the end", () => {
  const whole = { endMs: 100_000, readToMs: 100_000, isReading: false };
  const head = new PlayHead(0, 0);
  expect(head.step(16, 10, whole)).toEqual({ atMs: 160, isDue: false, isOver: false });
  expect(head.step(100, 10, whole)).toEqual({ atMs: 1_000, isDue: true, isOver: false });
  // The frame after a drawing came late: it is drawn less often from then on.
  expect(head.step(200, 10, whole).isDue).toBe(false);
  expect(head.step(450, 10, whole).isDue).toBe(false);
  expect(head.step(510, 10, whole).isDue).toBe(true);
  // A tab that was hidden for an hour has not played for an hour.
  expect(head.step(3_600_510, 1, whole).atMs).toBe(5_100 + 500);
  head.moveTo(99_000);
  expect(head.step(3_600_610, 10, whole)).toEqual({ atMs: 100_000, isDue: true, isOver: true });

  const reading = { endMs: 100_000, readToMs: 2_000, isReading: true };
  const early = new PlayHead(1_500, 0);
  expect(early.step(100, 10, reading).atMs).toBe(2_000);
  expect(early.step(200, 10, { ...reading, readToMs: 2_500 }).atMs).toBe(2_500);
  early.moveTo(50_000);
  expect(early.step(300, 10, reading)).toMatchObject({ atMs: 50_000, isOver: false });
});
