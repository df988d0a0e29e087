/** Devices: the same seed gives the same bytes, whatever else there is, and readings come in the order they are due. */
import { expect, test } from "bun:test";
import { encodeBatch } from "../../src/client/batch.ts";
import { identityOf } from "../../src/simulate/fleet.ts";
import { PROFILES } from "../../src/simulate/profiles.ts";
import { SimulatedDevice } from "../../src/simulate/simulated-device.ts";
import { Random } from "../../src/simulate/random.ts";
import { DAY_MS, fault, fleetOf, HOUR_MS, sendings, spanOf, START_US } from "./rig.ts";

const ALL_FAULTS = [
  fault("spike", { perHour: 2 }),
  fault("stuck", { perHour: 0.5 }),
  fault("drift", { perHour: 0.2 }),
  fault("dropout", { perHour: 0.5 }),
  fault("dead-battery", { atMs: 20 * HOUR_MS, everyMs: undefined }),
  fault("clock-skew", { perHour: 1 }),
  fault("duplicate", { perHour: 4 }),
  fault("out-of-order", { perHour: 4 }),
  fault("burst", { perHour: 1 }),
  fault("corrupt", { perHour: 2 }),
];

function bytesOf(profile: string, { devices = 3, index = 1, seed = 42, ms = DAY_MS } = {}): string {
  const fleet = fleetOf(profile, { devices, faults: ALL_FAULTS });
  const hash = new Bun.CryptoHasher("sha256");
  for (const { readings, dueUs } of sendings(fleet, spanOf(ms), { index, seed })) {
    hash.update(encodeBatch(readings, "s").bytes).update(String(dueUs));
  }
  return hash.digest("hex").slice(0, 16);
}

test("the bytes of a seed are what they were", () => {
  expect(Object.fromEntries(PROFILES.map(({ name }) => [name, bytesOf(name)]))).toEqual({
    factory: "9c97921617c2f054",
    "cold-chain": "7991fa7e0911cafc",
    building: "1ed759c53c4f3fd1",
    weather: "1dbf263bbda3bb5c",
    energy: "ce808a67bad96bd2",
    vehicles: "9b2dfca74432299a",
  });
});

test("readings of a device do not depend on how many there are; another seed gives others", () => {
  for (const { name } of PROFILES) {
    const ms = DAY_MS / 6;
    const bytes = bytesOf(name, { ms });
    expect(bytesOf(name, { ms, devices: 90 })).toBe(bytes);
    expect(bytesOf(name, { ms, seed: 43 })).not.toBe(bytes);
    expect(bytesOf(name, { ms, index: 2 })).not.toBe(bytes);
  }
});

test("a device is called and sends the same, however many there are", () => {
  const identities = [1, 20, 100, 9_999, 100_000].map((devices) =>
    identityOf(fleetOf("factory", { name: "plant", devices, gateways: Math.min(devices, 1) }), 0),
  );
  expect(new Set(identities.map(({ device, source }) => `${device} ${source}`))).toEqual(
    new Set(["plant-machine-0001 plant-gateway-0001"]),
  );
  const gateways = [4, 400].map((count) => identityOf(fleetOf("factory", { devices: 400, gateways: count }), 2).source);
  expect(gateways).toEqual(["f-gateway-0003", "f-gateway-0003"]);
  expect(identityOf(fleetOf("factory", { devices: 100_000 }), 12_344).device).toBe("f-machine-12345");
});

test("faults do not change what the other readings are", () => {
  const read = (faults: typeof ALL_FAULTS) =>
    new Map(
      sendings(fleetOf("factory", { faults }), spanOf(HOUR_MS))
        .flatMap(({ readings }) => readings)
        .map(({ metric, timeUs, value }) => [`${metric} ${timeUs}`, value]),
    );
  const [well, ill] = [read([]), read([fault("dropout", { perHour: 20 }, { forMs: 60_000 })])];
  expect(ill.size).toBeLessThan(well.size);
  expect([...ill].filter(([key, value]) => well.get(key) !== value)).toEqual([]);
});

test("silence of any length is told batch by batch: whoever sends waits meanwhile, and can be stopped", () => {
  const always = { atMs: 0, everyMs: undefined };
  for (const silent of [
    fault("dropout", always, { forMs: 365 * DAY_MS }),
    fault("dropout", { atMs: 0, everyMs: 60_000 }, { forMs: 10 * 60_000 }),
    fault("burst", always, { forMs: 365 * DAY_MS }),
  ]) {
    const span = spanOf(HOUR_MS, { liveFromUs: START_US + 10 * 60_000_000 });
    const device = new SimulatedDevice(
      fleetOf("energy", { intervalMs: 1_000, batch: 60, faults: [silent] }),
      0,
      1,
      span,
    );
    const silences: number[] = [];
    let sending = device.next();
    for (; sending?.readings.length === 0; sending = device.next()) silences.push(sending.dueUs);
    if (silent.kind === "dropout") expect(sending).toBeUndefined();
    else expect(sending?.dueUs).toBe(span.toUs);
    // Six batches of the past, then one a minute.
    expect(silences).toHaveLength(6 + 50);
    const steps = silences.map((dueUs, i) => dueUs - (silences[i - 1] ?? START_US));
    expect(Math.min(...steps)).toBeGreaterThan(0);
    expect(Math.max(...steps)).toBeLessThanOrEqual(101_000_000);
  }
});

test("what begins later meets the same times", () => {
  const times = (span: Parameters<typeof spanOf>[1]) =>
    sendings(fleetOf("factory"), spanOf(HOUR_MS, span)).map(({ readings }) => readings[0].timeUs);
  const early = times({});
  expect(early.length).toBe(720);
  const fromUs = START_US + 1_234_567_890;
  expect(times({ fromUs })).toEqual(early.filter((timeUs) => timeUs >= fromUs));
});

test("sendings come in the order they are due, each not before it was read; distinct readings have distinct times", () => {
  for (const { name } of PROFILES) {
    const sent = sendings(fleetOf(name, { faults: ALL_FAULTS, batch: 3 }), spanOf(2 * DAY_MS));
    const due = sent.map(({ dueUs }) => dueUs);
    expect(due).toEqual(due.toSorted((a, b) => a - b));
    const keys = sent
      .filter(({ isRepeat }) => !isRepeat)
      .flatMap(({ readings }) => readings.filter(({ timeUs }) => timeUs >= 0))
      .map(({ metric, timeUs }) => `${metric} ${timeUs}`);
    expect(new Set(keys).size).toBe(keys.length);
    expect(due.at(-1)).toBeLessThanOrEqual(START_US + 2 * DAY_MS * 1_000);
  }
});

test("batches hold as many readings as one says, larger ones of the past", () => {
  const live = sendings(fleetOf("factory", { batch: 4 }), spanOf(HOUR_MS));
  // Devices end their batches at times of their own: the first and the last are cut.
  expect(new Set(live.slice(1, -1).map(({ readings }) => readings.length))).toEqual(new Set([20]));
  const past = sendings(fleetOf("factory", { batch: 4 }), spanOf(HOUR_MS, { liveFromUs: START_US + HOUR_MS * 500 }));
  const sizes = past.map(({ readings }) => readings.length);
  expect(sizes.slice(0, 3)).toEqual([500, 500, 500]);
  expect(sizes.slice(4, 6)).toEqual([20, 20]);
  expect(sizes.reduce((sum, size) => sum + size)).toBe(720 * 5);
});

test("with speed the day passes faster than the timestamps", () => {
  const load = (speed: number, durationMs: number) =>
    sendings(fleetOf("factory", { intervalMs: 60_000 }), spanOf(durationMs, { speed }))
      .flatMap(({ readings }) => readings)
      .filter(({ metric }) => metric === "machine_load_pct");
  const [slow, fast] = [load(1, DAY_MS), load(60, DAY_MS / 60)];
  expect(fast.length).toBe(slow.length);
  const working = (of: typeof slow) => of.flatMap(({ value }, i) => (value > 0 ? [Math.round(i / 60)] : []));
  expect([working(fast)[0], working(fast).at(-1)]).toEqual([working(slow)[0], working(slow).at(-1)]);
  expect(fast.at(-1)!.timeUs - fast[0].timeUs).toBe((fast.length - 1) * 1_000_000);
});

test("chance: uniform, normal and exponential as they should be; parts do not depend on what was drawn before", () => {
  const random = new Random("x");
  const draws = Array.from({ length: 100_000 }, () => [random.uniform(), random.normal(), random.exponential(3)]);
  const mean = (of: (draw: number[]) => number) => draws.reduce((sum, draw) => sum + of(draw), 0) / draws.length;
  expect(mean(([u]) => u)).toBeCloseTo(0.5, 2);
  expect(mean(([, n]) => n)).toBeCloseTo(0, 1);
  expect(mean(([, n]) => n * n)).toBeCloseTo(1, 1);
  expect(mean(([, , e]) => e)).toBeCloseTo(3, 1);
  expect(random.split("a").uniform()).toBe(new Random("x").split("a").uniform());
  expect(random.split("a").uniform()).not.toBe(random.split("b").uniform());
});
