/** Who is on call, held to a clock on the wall that is looked at again and again. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { OnCallSchedule } from "../../../src/alerts/escalation/escalation-config.ts";
import { onCallAt } from "../../../src/alerts/escalation/on-call.ts";

const MINUTE_MS = 60_000;
const QUARTER_MS = 15 * MINUTE_MS;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

function schedule(given: Partial<OnCallSchedule>): OnCallSchedule {
  return {
    name: "s",
    timeZone: "Europe/Berlin",
    firstHandoff: "2026-01-05T08:00",
    shiftHours: 168,
    participants: ["anna", "ben", "cleo"],
    overrides: [],
    ...given,
  };
}

const at = (given: OnCallSchedule, text: string) => onCallAt(given, Date.parse(text));

test("shifts change at the handoff, to the millisecond, and go round", () => {
  const weekly = schedule({});
  expect(
    [
      "2026-01-05T07:00Z",
      "2026-01-12T06:59:59.999Z",
      "2026-01-12T07:00Z",
      "2026-01-19T07:00Z",
      "2026-01-26T07:00Z",
    ].map((text) => at(weekly, text)),
  ).toEqual(["anna", "anna", "ben", "cleo", "anna"]);
  expect(onCallAt(weekly, Date.parse("2026-01-12T07:00Z") - 0.5)).toBe("anna");
});

test("before the first handoff it is as if shifts had always changed", () => {
  expect(["2026-01-05T06:59Z", "2025-12-29T06:59Z", "2025-12-22T06:59Z"].map((text) => at(schedule({}), text))).toEqual(
    ["cleo", "ben", "anna"],
  );
});

test("a handoff keeps its time of day when the clocks change", () => {
  const daily = schedule({ shiftHours: 24, firstHandoff: "2026-03-28T08:00" });
  expect(["2026-03-29T05:59Z", "2026-03-29T06:00Z", "2026-10-25T06:59Z"].map((text) => at(daily, text))).toEqual([
    "anna",
    "ben",
    "anna",
  ]);
  expect(at(daily, "2026-10-25T07:00Z")).toBe("ben");
  const halves = schedule({ shiftHours: 12, firstHandoff: "2026-03-28T20:00", participants: ["day", "night"] });
  expect(["2026-03-29T05:59Z", "2026-03-29T06:00Z", "2026-03-29T17:59Z"].map((text) => at(halves, text))).toEqual([
    "day",
    "night",
    "night",
  ]);
});

test("one at a time that is skipped comes later, one at a time that comes twice comes once", () => {
  const early = schedule({ shiftHours: 24, firstHandoff: "2026-03-28T02:30" });
  expect(["2026-03-29T01:29Z", "2026-03-29T01:30Z"].map((text) => at(early, text))).toEqual(["anna", "ben"]);
  const twice = schedule({ shiftHours: 24, firstHandoff: "2026-10-24T02:30" });
  expect(
    ["2026-10-25T00:29Z", "2026-10-25T00:30Z", "2026-10-25T01:10Z", "2026-10-25T01:45Z"].map((text) => at(twice, text)),
  ).toEqual(["anna", "ben", "ben", "ben"]);
  // A whole day, 2011-12-30, was skipped.
  const apia = schedule({ timeZone: "Pacific/Apia", shiftHours: 24, firstHandoff: "2011-12-29T08:00" });
  expect(["2011-12-30T09:00Z", "2011-12-30T17:00Z", "2011-12-30T18:00Z"].map((text) => at(apia, text))).toEqual([
    "anna",
    "anna",
    "cleo",
  ]);
});

test("overrides are half open, and the last one counts", () => {
  const override = (from: string, to: string, receiver: string) => ({
    fromMs: Date.parse(from),
    toMs: Date.parse(to),
    receiver,
  });
  const given = schedule({
    overrides: [
      override("2026-01-06T00:00Z", "2026-01-08T00:00Z", "dora"),
      override("2026-01-07T00:00Z", "2026-01-07T12:00Z", "ben"),
    ],
  });
  expect(
    ["2026-01-05T23:59Z", "2026-01-06T00:00Z", "2026-01-07T00:00Z", "2026-01-07T12:00Z", "2026-01-08T00:00Z"].map(
      (text) => at(given, text),
    ),
  ).toEqual(["anna", "dora", "ben", "dora", "anna"]);
});

/** What a clock on the wall shows, by formatting, as if it were UTC. */
function wallOf(timeZone: string): (timeMs: number) => number {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" });
  return (timeMs) => Date.parse(`${format.format(timeMs).replace(" ", "T")}Z`);
}

describe.each(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"])("in %s", (timeZone) => {
  const wall = wallOf(timeZone);

  test("it is who a person says who looks at the clock every quarter of an hour and hands over once", () => {
    const around = fc.constantFrom("2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01");
    const shift = fc.constantFrom(1, 2, 3, 8, 12, 24, 36, 168);
    const minute = fc.constantFrom(0, 30, 60, 90, 105, 120, 135, 150, 165, 180, 480, 1_200);
    const property = fc.property(around, shift, minute, fc.nat(9), (day, shiftHours, handoff, daysBefore) => {
      const firstWallMs = Date.parse(day) - daysBefore * DAY_MS + handoff * MINUTE_MS;
      const given = schedule({ timeZone, shiftHours, firstHandoff: new Date(firstWallMs).toISOString().slice(0, 16) });
      const fromMs = Date.parse(day) - DAY_MS;
      let next = Math.ceil((wall(fromMs) - firstWallMs) / (shiftHours * HOUR_MS));
      if (firstWallMs + next * shiftHours * HOUR_MS === wall(fromMs)) next++;
      let skipped = { fromMs: 0, toMs: 0 };
      for (let timeMs = fromMs; timeMs < fromMs + 3 * DAY_MS; timeMs += QUARTER_MS) {
        const showsMs = wall(timeMs);
        const wouldShowMs = wall(timeMs - QUARTER_MS) + QUARTER_MS;
        if (showsMs > wouldShowMs) skipped = { fromMs: wouldShowMs, toMs: showsMs };
        for (;;) {
          const dueMs = firstWallMs + next * shiftHours * HOUR_MS;
          // By a clock that was not set forward.
          const isSkipped = skipped.fromMs <= dueMs && dueMs < skipped.toMs;
          if (showsMs < dueMs + (isSkipped ? skipped.toMs - skipped.fromMs : 0)) break;
          next++;
        }
        const turn = (((next - 1) % 3) + 3) % 3;
        const time = new Date(timeMs).toISOString();
        expect([time, onCallAt(given, timeMs)]).toEqual([time, given.participants[turn]]);
      }
    });
    fc.assert(property, { numRuns: 40 });
  });

  test("nobody is on call for longer or shorter than a shift but for what the clocks are set", () => {
    const property = fc.property(
      fc.integer({ min: 0, max: 20_000 }),
      fc.constantFrom(12, 24, 168),
      (hour, shiftHours) => {
        const given = schedule({ timeZone, shiftHours, firstHandoff: "2026-01-05T09:00" });
        const midMs = Date.UTC(2026, 0, 1) + hour * HOUR_MS;
        const who = onCallAt(given, midMs);
        let [fromMs, toMs] = [midMs, midMs];
        while (onCallAt(given, fromMs - 30 * MINUTE_MS) === who) fromMs -= 30 * MINUTE_MS;
        while (onCallAt(given, toMs) === who) toMs += 30 * MINUTE_MS;
        const setMs = wall(toMs) - toMs - (wall(fromMs) - fromMs);
        expect(toMs - fromMs + setMs).toBe(shiftHours * HOUR_MS);
      },
    );
    fc.assert(property, { numRuns: 30 });
  });
});
