/** What profiles read: within the ranges of their sensors, in cycles, with memory, and sensors that belong together. */
import { describe, expect, test } from "bun:test";
import { PROFILES } from "../../src/simulate/profiles.ts";
import { columns, DAY_MS, fleetOf, sendings, spanOf } from "./rig.ts";

const week = (profile: string, index = 0, more = {}) =>
  columns(sendings(fleetOf(profile, { intervalMs: 60_000, ...more }), spanOf(7 * DAY_MS), { index }));

function correlation(xs: readonly number[], ys: readonly number[]): number {
  const mean = (all: readonly number[]) => all.reduce((sum, x) => sum + x, 0) / all.length;
  const [mx, my] = [mean(xs), mean(ys)];
  const sum = (of: (i: number) => number) => xs.reduce((total, _, i) => total + of(i), 0);
  const both = sum((i) => (xs[i] - mx) * (ys[i] - my));
  return both / Math.sqrt(sum((i) => (xs[i] - mx) ** 2) * sum((i) => (ys[i] - my) ** 2));
}

/** Means of the minutes of a week from one hour of the day to another, on workdays or not. */
function meanAt(values: readonly number[], from: number, to: number, isWorkday = true): number {
  const some = values.filter((_, i) => {
    const hour = (i / 60) % 24;
    return hour >= from && hour < to && i / 1_440 < 5 === isWorkday;
  });
  return some.reduce((sum, value) => sum + value, 0) / some.length;
}

for (const { name, sensors, isOnBattery } of PROFILES) {
  describe(name, () => {
    test("reads within the ranges of its sensors, rounded as they are, and moves", () => {
      for (const index of [0, 1, 2]) {
        const read = week(name, index);
        expect(Object.keys(read)).toEqual([
          ...sensors.map(({ metric }) => metric),
          ...(isOnBattery ? ["battery_pct"] : []),
        ]);
        for (const { metric, min, max, decimals } of sensors) {
          const values = read[metric];
          expect(values.length).toBe(7 * 1_440);
          expect(values.filter((value) => !(value >= min && value <= max))).toEqual([]);
          expect(values.filter((value) => Number(value.toFixed(decimals)) !== value)).toEqual([]);
          expect(new Set(values).size).toBeGreaterThan(1);
        }
      }
    });

    test("neighbouring readings are nearer to each other than others are", () => {
      // What is on or off, and what is counted, has no noise.
      for (const { metric, decimals } of sensors.filter(({ decimals }) => decimals > 0)) {
        const values = week(name)[metric];
        expect([metric, decimals, correlation(values.slice(1), values.slice(0, -1)) > 0.3]).toEqual([
          metric,
          decimals,
          true,
        ]);
      }
    });

    test("readings that are far apart stay within the ranges, too", () => {
      const read = columns(sendings(fleetOf(name, { intervalMs: 7 * 3_600_000 }), spanOf(60 * DAY_MS)));
      for (const { metric, min, max } of sensors) {
        expect(read[metric].filter((value) => !(value >= min && value <= max))).toEqual([]);
      }
    });
  });
}

test("machines work in shifts on workdays; heat, current and vibration follow the load", () => {
  const read = week("factory");
  const load = read["machine_load_pct"];
  expect(meanAt(load, 8, 11)).toBeGreaterThan(40);
  expect([meanAt(load, 0, 5), meanAt(load, 0, 24, false)]).toEqual([0, 0]);
  expect(correlation(load, read["machine_current_a"])).toBeGreaterThan(0.95);
  expect(correlation(load, read["machine_temperature_c"])).toBeGreaterThan(0.7);
  expect(correlation(load, read["machine_vibration_mm_s"])).toBeGreaterThan(0.7);
  const parts = read["machine_parts_total"];
  expect(parts.every((count, i) => i === 0 || count >= parts[i - 1])).toBe(true);
});

test("coolers stay about what they are set to; an open door is damp", () => {
  const read = week("cold-chain");
  const temperature = read["cooler_temperature_c"].toSorted((a, b) => a - b);
  const middle = temperature[temperature.length / 2];
  expect([-20, 4, 6].some((wanted) => Math.abs(middle - wanted) < 1.5)).toBe(true);
  expect(correlation(read["cooler_door_open"], read["cooler_humidity_pct"])).toBeGreaterThan(0.2);
  expect(new Set(read["cooler_door_open"])).toEqual(new Set([0, 1]));
});

test("rooms fill on workdays; CO2 and light follow the people", () => {
  const read = week("building");
  const people = read["room_people"];
  expect(meanAt(people, 9, 12)).toBeGreaterThan(1);
  expect([meanAt(people, 0, 6), meanAt(people, 0, 24, false)]).toEqual([0, 0]);
  expect(correlation(people, read["room_co2_ppm"])).toBeGreaterThan(0.7);
  expect(meanAt(read["room_light_lux"], 10, 12)).toBeGreaterThan(400);
});

test("stations of a site have one weather, warm in the afternoon, dry when it is warm; another site has another", () => {
  const [a, b] = [week("weather", 0), week("weather", 1)];
  const far = week("weather", 0, { site: "elsewhere" });
  const pressure = "weather_pressure_hpa";
  expect(correlation(a[pressure], b[pressure])).toBeGreaterThan(0.99);
  expect(Math.abs(correlation(a[pressure], far[pressure]))).toBeLessThan(0.95);
  const warm = a["weather_temperature_c"];
  expect(meanAt(warm, 14, 16)).toBeGreaterThan(meanAt(warm, 2, 4) + 2);
  expect(correlation(warm, a["weather_humidity_pct"])).toBeLessThan(-0.5);
  expect(meanAt(a["weather_sun_w_m2"], 0, 5)).toBe(0);
});

test("meters count what is used; current is power by voltage; evenings take more than nights", () => {
  const read = week("energy");
  const power = read["meter_power_w"];
  expect(meanAt(power, 19, 21)).toBeGreaterThan(2 * meanAt(power, 1, 4));
  expect(correlation(power, read["meter_current_a"])).toBeGreaterThan(0.99);
  const counted = read["meter_energy_kwh_total"];
  const used = power.slice(1).reduce((sum, watts) => sum + watts / 60_000, 0);
  expect(counted.at(-1)! - counted[0]).toBeCloseTo(used, 0);
});

test("vans go as far as their odometer says, by the way their track shows", () => {
  const sent = sendings(fleetOf("vehicles", { intervalMs: 5_000 }), spanOf(10 * 3_600_000));
  const read = columns(sent);
  const [north, east] = [read["vehicle_latitude_deg"], read["vehicle_longitude_deg"]];
  const metersEast = 111_320 * Math.cos((north[0] * Math.PI) / 180);
  let meters = 0;
  // From minute to minute: in five seconds the track has the noise of GPS.
  for (let i = 12; i < north.length; i += 12) {
    meters += Math.hypot((north[i] - north[i - 12]) * 111_320, (east[i] - east[i - 12]) * metersEast);
  }
  const odometer = read["vehicle_odometer_km"];
  const driven = odometer.at(-1)! - odometer[0];
  expect(driven).toBeGreaterThan(20);
  expect(meters / 1_000 / driven).toBeWithin(0.6, 1.3);
  expect(read["vehicle_speed_km_h"].some((speed) => speed === 0)).toBe(true);
});
