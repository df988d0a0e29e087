/** Times at which rules notify, held to a clock on the wall that is looked at every minute. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isActiveAt, nextChangeMs } from "../../src/alerts/active-time.ts";
import type { ActiveTime } from "../../src/alerts/rule.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const EVERY_DAY = [0, 1, 2, 3, 4, 5, 6];

function time(days: number[], from: string, to: string, timeZone: string): ActiveTime {
  const [fromMinute, toMinute] = [from, to].map((text) => {
    const [hours, minutes] = text.split(":").map(Number);
    return hours * 60 + minutes;
  });
  return { days, fromMinute, toMinute, timeZone };
}

function next(times: ActiveTime[], from: string): string {
  const ms = nextChangeMs(times, Date.parse(from));
  return ms === Infinity ? "never" : new Date(ms).toISOString().replace(":00.000Z", "Z");
}

test("without times it is always, and with all of the week as well", () => {
  expect([isActiveAt([], 0), nextChangeMs([], 0)]).toEqual([true, Infinity]);
  const week = [time(EVERY_DAY, "00:00", "24:00", "Europe/Berlin")];
  expect([isActiveAt(week, 0), nextChangeMs(week, Date.UTC(2026, 2, 28))]).toEqual([true, Infinity]);
  const halves = [
    time(EVERY_DAY, "02:30", "24:00", "Europe/Berlin"),
    time(EVERY_DAY, "00:00", "02:30", "Europe/Berlin"),
  ];
  expect(nextChangeMs(halves, Date.UTC(2026, 2, 28))).toBe(Infinity);
  expect(nextChangeMs([time(EVERY_DAY, "07:00", "07:00", "UTC")], 0)).toBe(Infinity);
});

test("working hours, half open, to the millisecond", () => {
  const work = [time([1, 2, 3, 4, 5], "08:00", "18:00", "Europe/Berlin")];
  const at = (text: string) => isActiveAt(work, Date.parse(text));
  expect(
    ["2026-06-05T05:59:59.999Z", "2026-06-05T06:00Z", "2026-06-05T15:59:59.999Z", "2026-06-05T16:00Z"].map(at),
  ).toEqual([false, true, true, false]);
  expect(at("2026-06-06T10:00Z")).toBe(false);
  expect(next(work, "2026-06-05T06:00Z")).toBe("2026-06-05T16:00Z");
  expect(next(work, "2026-06-05T16:00Z")).toBe("2026-06-08T06:00Z");
  expect(nextChangeMs(work, Date.parse("2026-06-08T05:59:59.250Z"))).toBe(Date.parse("2026-06-08T06:00Z"));
  expect(nextChangeMs(work, Date.parse("2026-06-08T05:59:59Z") + 0.5)).toBe(Date.parse("2026-06-08T06:00Z"));
});

test("what goes over midnight belongs to the day it begins on", () => {
  const night = [time([5], "22:00", "06:00", "UTC")];
  expect(next(night, "2026-06-05T12:00Z")).toBe("2026-06-05T22:00Z");
  expect(next(night, "2026-06-05T22:00Z")).toBe("2026-06-06T06:00Z");
  expect(isActiveAt(night, Date.parse("2026-06-05T05:00Z"))).toBe(false);
  expect(isActiveAt(night, Date.parse("2026-06-06T05:00Z"))).toBe(true);
  expect(next([time([6], "22:00", "00:00", "UTC")], "2026-06-06T23:00Z")).toBe("2026-06-07T00:00Z");
});

test("times that meet or overlap are one", () => {
  const times = [
    time([1], "08:00", "12:00", "UTC"),
    time([1], "12:00", "14:00", "UTC"),
    time([1], "13:00", "16:00", "+01:00"),
  ];
  expect(next(times, "2026-06-08T09:00Z")).toBe("2026-06-08T15:00Z");
});

test("the clocks change: an hour that is not there, one that is there twice", () => {
  const early = [time(EVERY_DAY, "02:15", "02:45", "Europe/Berlin")];
  expect(next(early, "2026-03-29T00:00Z")).toBe("2026-03-30T00:15Z");
  expect(next(early, "2026-10-25T00:00Z")).toBe("2026-10-25T00:15Z");
  expect(next(early, "2026-10-25T00:15Z")).toBe("2026-10-25T00:45Z");
  expect(next(early, "2026-10-25T00:45Z")).toBe("2026-10-25T01:15Z");
  const fromGap = [time(EVERY_DAY, "02:30", "04:00", "America/New_York")];
  expect(next(fromGap, "2026-03-08T05:00Z")).toBe("2026-03-08T07:00Z");
  expect(next(fromGap, "2026-03-08T07:00Z")).toBe("2026-03-08T08:00Z");
  expect(next([time([0], "02:10", "02:20", "Europe/Berlin")], "2026-03-23T00:00Z")).toBe("2026-04-05T00:10Z");
});

/** Day and minute that clocks on the wall show, for every minute from a time on: by formatting. */
function wallClocks(fromMs: number, minutes: number, timeZone: string): { day: number; minute: number }[] {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  return Array.from({ length: minutes }, (_, i) => {
    const [, day, hour, minute] = /^(\w+),? (\d\d):(\d\d)$/.exec(format.format(fromMs + i * MINUTE_MS))!;
    return { day: DAYS.indexOf(day), minute: Number(hour) * 60 + Number(minute) };
  });
}

describe("as a clock that is looked at every minute", () => {
  const changes: [zone: string, around: string][] = [
    ["Europe/Berlin", "2026-03-29"],
    ["Europe/Berlin", "2026-10-25"],
    ["America/New_York", "2026-03-08"],
    ["America/New_York", "2026-11-01"],
    ["Asia/Kathmandu", "2026-05-05"],
    ["Asia/Kolkata", "2026-05-05"],
    ["Australia/Lord_Howe", "2026-04-05"],
    ["Australia/Lord_Howe", "2026-10-04"],
    ["Pacific/Apia", "2011-12-30"],
  ];
  test.each(changes)("%s around %s", (timeZone, around) => {
    const fromMs = Date.parse(`${around}T00:00Z`) - 4 * DAY_MS;
    const minutes = 26 * 1_440;
    const clocks = wallClocks(fromMs, minutes, timeZone);
    const minuteOfDay = fc.oneof(fc.integer({ min: 0, max: 1_439 }), fc.integer({ min: 60, max: 240 }));
    const times = fc.array(
      fc.record({
        days: fc.subarray(EVERY_DAY, { minLength: 1 }),
        fromMinute: minuteOfDay,
        toMinute: fc.oneof(minuteOfDay, fc.constant(1_440)),
        timeZone: fc.constant(timeZone),
      }),
      { minLength: 1, maxLength: 3 },
    );
    const start = fc.oneof(
      fc.integer({ min: 0, max: 8 * 1_440 }),
      fc.integer({ min: 4 * 1_440 - 60, max: 4 * 1_440 + 900 }),
    );
    const property = fc.property(times, start, fc.integer({ min: 0, max: MINUTE_MS - 1 }), (all, at, ms) => {
      const isActive = clocks.map(({ day, minute }) =>
        all.some(({ days, fromMinute, toMinute }) => {
          if (fromMinute < toMinute) return days.includes(day) && minute >= fromMinute && minute < toMinute;
          return (days.includes(day) && minute >= fromMinute) || (days.includes((day + 6) % 7) && minute < toMinute);
        }),
      );
      const nowMs = fromMs + at * MINUTE_MS + ms;
      expect(isActiveAt(all, nowMs)).toBe(isActive[at]);
      const changed = isActive.findIndex((each, i) => i > at && each !== isActive[at]);
      expect(nextChangeMs(all, nowMs)).toBe(changed < 0 ? Infinity : fromMs + changed * MINUTE_MS);
    });
    fc.assert(property, { numRuns: 60 });
  });
});
