/** Each fault by itself: what it does, and that it is over when it is. */
import { expect, test } from "bun:test";
import { HELD_READINGS_MAX } from "../../src/simulate/delivery-faults.ts";
import { Episodes } from "../../src/simulate/episodes.ts";
import type { Fault } from "../../src/simulate/fault.ts";
import { Random } from "../../src/simulate/random.ts";
import { columns, DAY_MS, fault, fleetOf, HOUR_MS, sendings, spanOf, START_US } from "./rig.ts";

const MINUTE_MS = 60_000;
/** An hour after the start, once. */
const once = { atMs: HOUR_MS, everyMs: undefined };

const run = (faults: readonly Fault[], profile = "energy", durationMs = 4 * HOUR_MS) =>
  sendings(fleetOf(profile, { intervalMs: MINUTE_MS, faults }), spanOf(durationMs));
const well = run([]);
/** Minutes since the start at which `metric` reads otherwise than it should. */
const changed = (sent: typeof well, metric: string) => {
  const [is, should] = [columns(sent)[metric], columns(well)[metric]];
  return should.flatMap((value, i) => (is[i] === value ? [] : [i]));
};
const minutes = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

test("spike: one reading of one sensor", () => {
  const sent = run([fault("spike", once, { metrics: "*voltage*", size: 2 })]);
  expect(changed(sent, "meter_voltage_v")).toEqual([60]);
  const [is, should] = [sent, well].map((each) => columns(each)["meter_voltage_v"][60]);
  expect(Math.abs(is - should)).toBeCloseTo(2 * (253 - 207));
  expect(changed(sent, "meter_power_w")).toEqual([]);
});

test("stuck: what it was, until it is over", () => {
  const voltages = columns(run([fault("stuck", once, { forMs: HOUR_MS })]))["meter_voltage_v"];
  expect(new Set(voltages.slice(60, 120)).size).toBe(1);
  expect(voltages.slice(120)).toEqual(columns(well)["meter_voltage_v"].slice(120));
});

test("drift: farther and farther away", () => {
  const drifting = columns(run([fault("drift", once, { forMs: HOUR_MS, size: 1 })]))["meter_voltage_v"];
  const off = drifting.map((value, i) => value - columns(well)["meter_voltage_v"][i]);
  expect(off[60]).toBeCloseTo(0, 1);
  expect(off[90]).toBeCloseTo(23, 1);
  expect(off[119]).toBeCloseTo((46 * 59) / 60, 1);
  expect(off[120]).toBe(0);
});

test("dropout: nothing is read meanwhile", () => {
  const sent = run([fault("dropout", once, { forMs: 30 * MINUTE_MS })]);
  expect(sent.length).toBe(well.length - 30);
});

test("dead battery: it runs down, then there is silence, then another battery", () => {
  const faults = [fault("dead-battery", once, { forMs: 2 * HOUR_MS })];
  const sent = sendings(fleetOf("weather", { faults }), spanOf(4 * HOUR_MS));
  const battery = columns(sent)["battery_pct"];
  expect(battery.length).toBe(240 - 90 + 1);
  expect(battery[60]).toBeGreaterThan(1);
  expect(battery[90]).toBe(0);
  expect(battery[91]).toBeGreaterThan(1);
});

test("clock skew: timestamps are off, and are nobody else's", () => {
  const sent = run([fault("clock-skew", once, { forMs: 30 * MINUTE_MS, byMs: -2 * HOUR_MS })]);
  const off = sent.map(({ readings }, i) => readings[0].timeUs - well[i].readings[0].timeUs);
  expect(off.flatMap((us, i) => (us === 0 ? [] : [i]))).toEqual(minutes(60, 90));
  expect(off[60]).toBe(-2 * HOUR_MS * 1_000 + 1);
});

test("duplicate: the same readings once more", () => {
  const sent = run([fault("duplicate", once)]);
  const [again, ...others] = sent.filter(({ isRepeat }) => isRepeat);
  expect(others).toEqual([]);
  expect(again.readings).toEqual(well[60].readings);
});

test("out of order: later than others", () => {
  const sent = run([fault("out-of-order", once, { byMs: 3 * MINUTE_MS })]);
  const order = sent.map(({ readings }) => well.findIndex((each) => each.readings[0].timeUs === readings[0].timeUs));
  expect(order.slice(58, 65)).toEqual([58, 59, 61, 62, 60, 63, 64]);
});

test("burst: silence, then all of it at once, in order", () => {
  const sent = run([fault("burst", once, { forMs: 20 * MINUTE_MS })]);
  expect(sent.map(({ readings }) => readings)).toEqual(well.map(({ readings }) => readings));
  const burst = sent.slice(60, 80).map(({ dueUs }) => dueUs);
  expect(Math.max(...burst) - Math.min(...burst)).toBeLessThan(1_000);
  expect(burst[0]).toBeGreaterThanOrEqual(well[79].dueUs);
});

test("burst: what a device cannot hold goes at once", () => {
  const faults = [fault("burst", { atMs: 0, everyMs: undefined }, { forMs: 10 * DAY_MS })];
  const sent = sendings(fleetOf("energy", { intervalMs: 10_000, faults }), spanOf(DAY_MS));
  expect(sent.length).toBe(8_640);
  const early = sent.filter(({ dueUs }) => dueUs < START_US + DAY_MS * 1_000 - 10_000_000);
  expect((sent.length - early.length) * 5).toBeWithin(HELD_READINGS_MAX - 20, HELD_READINGS_MAX + 20);
});

test("corrupt: what no server can keep, and is not sent twice", () => {
  const always = { atMs: 0, everyMs: MINUTE_MS };
  const sent = run([fault("corrupt", always), fault("duplicate", always)]);
  const is = { nan: 0, infinite: 0, name: 0, time: 0 };
  for (const { readings, isRepeat } of sent) {
    let corrupt = 0;
    for (const { metric, value, timeUs } of readings) {
      const found = [Number.isNaN(value), Math.abs(value) === Infinity, !/^[a-z0-9_]+$/.test(metric), timeUs < 0];
      for (const [i, key] of (["nan", "infinite", "name", "time"] as const).entries()) is[key] += Number(found[i]);
      corrupt += Number(found.includes(true));
    }
    expect(corrupt).toBe(isRepeat ? 0 : 1);
  }
  for (const count of Object.values(is)) expect(count).toBeGreaterThan(20);
});

test("faults hold only where they are meant", () => {
  const faults = [fault("dropout", once, { devices: "f-meter-0002|f-meter-0003" })];
  const fleet = fleetOf("energy", { intervalMs: MINUTE_MS, faults });
  const counts = [0, 1, 2].map((index) => sendings(fleet, spanOf(4 * HOUR_MS), { index }).length);
  expect(counts).toEqual([240, 230, 230]);
});

test("episodes by chance come as often as their rate says; by schedule when it does", () => {
  const count = (when: Fault["when"], forMs: number, stepMs: number, totalMs: number) => {
    const episodes = new Episodes(when, forMs, new Random("e"), 0);
    const found = new Set<number>();
    for (let ms = 0; ms < totalMs; ms += stepMs) {
      const episode = episodes.at(ms);
      if (episode !== undefined) found.add(episode.number);
    }
    return found.size;
  };
  expect(count({ perHour: 2 }, 0, 1_000, 1_000 * HOUR_MS)).toBeWithin(1_850, 2_150);
  expect(count({ atMs: HOUR_MS, everyMs: HOUR_MS }, MINUTE_MS, 10_000, DAY_MS)).toBe(23);
  // Far shorter than the time between two readings.
  expect(count({ atMs: HOUR_MS, everyMs: HOUR_MS }, 1_000, 20 * MINUTE_MS, DAY_MS)).toBe(23);
  expect(count({ atMs: 1, everyMs: 1_000 }, 0, HOUR_MS, DAY_MS)).toBe(23);
});

test("a fault that comes more often than there are readings holds at every one, by chance as by schedule", () => {
  const readings = 1_000;
  const held = (when: Fault["when"]) => {
    const episodes = new Episodes(when, 0, new Random("e"), 0);
    return Array.from({ length: readings }, (_, i) => episodes.at(i * 5_000)).filter(Boolean).length;
  };
  const rates = [60, 720, 3_600, 360_000].map((perHour) => held({ perHour }));
  expect(rates).toEqual(rates.toSorted((a, b) => a - b));
  expect(rates.at(-1)).toBeGreaterThan(readings * 0.99);
  expect(held({ atMs: 0, everyMs: 1_000 })).toBe(readings);
});
