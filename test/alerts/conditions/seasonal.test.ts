/** What is usual at an hour of the week, in local time. */
import { describe, expect, test } from "bun:test";
import { conditionStateOf } from "../../../src/alerts/conditions/condition-state-of.ts";
import { seasonalProfile, type SeasonalProfile } from "../../../src/alerts/conditions/seasonal-profile.ts";
import { timeZoneOf } from "../../../src/alerts/conditions/time-zone.ts";
import type { Condition, Direction } from "../../../src/alerts/rule.ts";
import { randomOf } from "../../support/random.ts";

const HOUR_US = 3_600e6;
const DAY_US = 24 * HOUR_US;
const BERLIN = "Europe/Berlin";

function us(text: string): number {
  return Date.parse(text) * 1_000;
}

/** Values by local day of the week, 0 is Sunday, and hour. */
type Week = (day: number, hour: number, random: () => number) => number;

/** Several a hour; by the wall clock of the zone. */
function profileOf(from: string, weeks: number, week: Week, timeZone = BERLIN, weeksMin = 3): SeasonalProfile {
  const random = randomOf(1);
  const wall = wallClock(timeZone);
  const count = weeks * 7 * 24 * 4;
  const timesUs = Float64Array.from({ length: count }, (_, i) => us(from) + (i * HOUR_US) / 4);
  const values = timesUs.map((timeUs) => week(...wall(timeUs), random));
  return seasonalProfile({ timesUs, values }, timeZone, weeksMin);
}

/** Local day of the week and hour, asked of Intl in another way. */
function wallClock(timeZone: string): (timeUs: number) => [number, number] {
  const format = new Intl.DateTimeFormat("en-GB", { timeZone, weekday: "short", hour: "2-digit", hourCycle: "h23" });
  return (timeUs) => {
    const parts = Object.fromEntries(format.formatToParts(timeUs / 1_000).map(({ type, value }) => [type, value]));
    return [["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"].indexOf(parts["weekday"]), Number(parts["hour"])];
  };
}

function seasonal(direction: Direction = "both"): Condition {
  return { kind: "seasonal", sigmas: 4, weeks: 3, direction, timeZone: BERLIN };
}

function levels(
  profile: SeasonalProfile | null,
  samples: readonly (readonly [string, number])[],
  direction?: Direction,
) {
  const state = conditionStateOf(seasonal(direction), { profile });
  let level = 0;
  return samples.map(([time, value]) => (level = state.take(us(time), value, level)));
}

/** Busy from 8 to 18 on weekdays. */
const office: Week = (day, hour, random) =>
  (day >= 1 && day <= 5 && hour >= 8 && hour < 18 ? 100 : 20) + 4 * (random() - 0.5);

describe("an office, from three weeks", () => {
  const profile = profileOf("2026-01-05T00:00:00+01:00", 3, office);

  test("what is normal on a Monday is met on a Sunday", () => {
    const samples = [
      ["2026-02-02T10:00:00+01:00", 101],
      ["2026-02-02T07:59:59+01:00", 20],
      ["2026-02-01T10:00:00+01:00", 101],
      ["2026-02-01T10:05:00+01:00", 21],
      ["2026-02-02T11:00:00+01:00", 20],
      ["2026-02-02T20:00:00+01:00", 20],
    ] as const;
    expect(levels(profile, samples)).toEqual([0, 0, 1, 0, 1, 0]);
    expect(levels(profile, samples, "above")).toEqual([0, 0, 1, 0, 0, 0]);
    expect(levels(profile, samples, "below")).toEqual([0, 0, 0, 0, 1, 0]);
  });

  test("what is usual: mean, deviation, weeks", () => {
    const { mean, deviation, weeks } = profile.usual(us("2026-02-02T10:30:00+01:00"))!;
    expect(mean).toBeCloseTo(100, 0);
    // A uniform distribution 4 wide has one of 1.15; the mean of three weeks may be off.
    expect(deviation).toBeGreaterThan(1);
    expect(deviation).toBeLessThan(2);
    expect(weeks).toBe(3);
  });

  test("of later weeks none is met by chance", () => {
    const random = randomOf(2);
    const state = conditionStateOf(seasonal(), { profile });
    const wall = wallClock(BERLIN);
    let met = 0;
    for (let timeUs = us("2026-02-02T00:00:00+01:00"), i = 0; i < 4 * 7 * 96; i++, timeUs += HOUR_US / 4) {
      met += state.take(timeUs, office(...wall(timeUs), random), 0);
    }
    expect(met).toBe(0);
  });
});

test("hours that fewer weeks tell of are not judged", () => {
  const two = profileOf("2026-01-05T00:00:00+01:00", 2, office);
  expect(two.usual(us("2026-02-02T10:30:00+01:00"))).toBeNull();
  expect(levels(two, [["2026-02-01T10:00:00+01:00", 1e9]])).toEqual([0]);
  expect(levels(null, [["2026-02-01T10:00:00+01:00", 1e9]])).toEqual([0]);
  const three = profileOf("2026-01-05T00:00:00+01:00", 2.5, office);
  expect(three.usual(us("2026-02-03T10:30:00+01:00"))?.weeks).toBe(3);
  expect(three.usual(us("2026-02-06T10:30:00+01:00"))).toBeNull();
});

test("many samples of one hour are one week", () => {
  const timesUs = Float64Array.from({ length: 100 }, (_, i) => us("2026-01-05T10:00:00Z") + i * 1e6);
  const profile = seasonalProfile({ timesUs, values: timesUs.map(() => 5) }, "UTC", 1);
  expect(profile.usual(us("2026-01-12T10:59:00Z"))).toEqual({ mean: 5, deviation: 0, weeks: 1 });
  expect(profile.usual(us("2026-01-12T11:00:00Z"))).toBeNull();
});

test("hourly averages with their deviations say the same as samples", () => {
  const random = randomOf(3);
  const timesUs = Float64Array.from({ length: 4 * 168 * 60 }, (_, i) => us("2026-01-05T00:00:00Z") + i * 60e6);
  const values = timesUs.map((timeUs) => (Math.floor(timeUs / HOUR_US) % 24) + random());
  const hours = Float64Array.from({ length: 4 * 168 }, (_, i) => us("2026-01-05T00:00:00Z") + i * HOUR_US);
  const means = hours.map((_, i) => values.subarray(60 * i, 60 * i + 60).reduce((sum, value) => sum + value / 60, 0));
  const deviations = hours.map((_, i) => {
    const squares = values.subarray(60 * i, 60 * i + 60).reduce((sum, value) => sum + (value - means[i]) ** 2, 0);
    return Math.sqrt(squares / 60);
  });
  const bySamples = seasonalProfile({ timesUs, values }, "UTC", 3);
  const byHours = seasonalProfile({ timesUs: hours, values: means, deviations }, "UTC", 3);
  for (let i = 0; i < 168; i++) {
    const timeUs = us("2026-03-02T00:30:00Z") + i * HOUR_US;
    const [usual, same] = [bySamples.usual(timeUs)!, byHours.usual(timeUs)!];
    expect(usual.mean).toBeCloseTo(same.mean, 9);
    expect(usual.deviation).toBeCloseTo(same.deviation, 9);
  }
});

describe("clocks that are put forward and back", () => {
  // Busy for one hour a day by the wall clock.
  const shift: Week = (_day, hour, random) => (hour === 8 ? 100 : 0) + random();

  test("the same wall clock hour, whatever its distance from UTC", () => {
    // On 29 March 2026 clocks go forward.
    const profile = profileOf("2026-02-23T00:00:00+01:00", 5, shift);
    const samples = [
      ["2026-03-30T08:30:00+02:00", 100],
      ["2026-03-30T09:30:00+02:00", 0],
      ["2026-03-30T07:30:00+02:00", 0],
      ["2026-03-30T07:31:00+02:00", 100],
    ] as const;
    expect(levels(profile, samples)).toEqual([0, 0, 0, 1]);
    expect(profile.usual(us("2026-04-06T08:30:00+02:00"))!.mean).toBeCloseTo(100.5, 0);
  });

  test("the hour that is left out is missing in its week, the one that comes twice is one", () => {
    const spring = profileOf("2026-03-09T00:00:00+01:00", 4, shift);
    const sunday = (time: string) => us(`2026-05-03T${time}+02:00`);
    expect(["01:30:00", "02:30:00", "03:30:00"].map((time) => spring.usual(sunday(time))?.weeks)).toEqual([4, 3, 4]);
    // On 25 October 2026 they go back.
    const autumn = profileOf("2026-10-05T00:00:00+02:00", 4, (day, hour) => (day === 0 && hour === 2 ? 7 : 0));
    const usual = autumn.usual(us("2026-11-08T02:30:00+01:00"))!;
    expect([usual.mean, usual.weeks]).toEqual([7, 4]);
  });
});

describe("time zones", () => {
  test("offsets, at changes of half an hour and of less than an hour from UTC, too", () => {
    const hours = (zone: string, time: string) => timeZoneOf(zone).offsetUs(us(time)) / HOUR_US;
    expect(hours("UTC", "2026-07-01T00:00:00Z")).toBe(0);
    expect(hours(BERLIN, "2026-03-29T00:59:59Z")).toBe(1);
    expect(hours(BERLIN, "2026-03-29T01:00:00Z")).toBe(2);
    expect(hours(BERLIN, "2026-10-25T00:59:59Z")).toBe(2);
    expect(hours(BERLIN, "2026-10-25T01:00:00Z")).toBe(1);
    expect(hours("America/St_Johns", "2026-01-01T00:00:00Z")).toBe(-3.5);
    expect(hours("Asia/Kathmandu", "2026-01-01T00:00:00Z")).toBe(5.75);
    // Half an hour, at half past an hour of UTC.
    expect(hours("Australia/Lord_Howe", "2026-10-03T15:29:59Z")).toBe(10.5);
    expect(hours("Australia/Lord_Howe", "2026-10-03T15:30:00Z")).toBe(11);
  });

  test("an unknown one is refused", () => {
    expect(() =>
      seasonalProfile({ timesUs: new Float64Array(0), values: new Float64Array(0) }, "Mars/Base", 3),
    ).toThrow(RangeError);
  });

  test("offsets that are kept are those that are asked for", () => {
    const random = randomOf(4);
    const fresh = new Intl.DateTimeFormat("sv-SE", { timeZone: BERLIN, dateStyle: "short", timeStyle: "medium" });
    for (let i = 0; i < 6_000; i++) {
      const timeUs = Math.floor((us("2015-01-01T00:00:00Z") + random() * 4_000 * DAY_US) / 1e6) * 1e6;
      if (i > 100 && i % 10 !== 0) timeZoneOf(BERLIN).offsetUs(timeUs);
      else expect(us(`${fresh.format(timeUs / 1_000)}Z`) - timeUs).toBe(timeZoneOf(BERLIN).offsetUs(timeUs));
    }
  });
});
