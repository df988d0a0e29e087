/** What is said of a simulation before it begins. */
import { expect, test } from "bun:test";
import { beginning, narrowNetworks } from "../../src/cli/simulate/beginning.ts";
import { PERFECT_NETWORK } from "../../src/simulate/network.ts";
import { fleetOf, spanOf, START_US } from "../simulate/rig.ts";

const NOW_MS = Date.UTC(2026, 5, 1, 12);
const HOUR_MS = 3_600_000;

test("from when and until when, by what was asked for", () => {
  const said = (fromMs: number, toMs: number) =>
    beginning(
      { fromUs: (NOW_MS + fromMs) * 1_000, toUs: (NOW_MS + toMs) * 1_000, speed: 1, liveFromUs: NOW_MS * 1_000 },
      ...([3, "s:1", NOW_MS] as const),
    );
  expect(said(20, Infinity)).toBe("3 devices to s:1, until Ctrl-C");
  expect(said(20, 2 * HOUR_MS)).toBe("3 devices to s:1, for 2h");
  expect(said(-3 * HOUR_MS, 0)).toBe("3 devices to s:1, back from 2026-06-01T09:00:00.000Z, up to now");
  expect(said(-3 * HOUR_MS, -HOUR_MS)).toBe(
    "3 devices to s:1, back from 2026-06-01T09:00:00.000Z, up to 2026-06-01T11:00:00.000Z",
  );
  expect(said(-3 * HOUR_MS, HOUR_MS)).toBe("3 devices to s:1, back from 2026-06-01T09:00:00.000Z, for 1h");
});

test("one device is one", () => {
  expect(beginning({ ...spanOf(HOUR_MS), toUs: Infinity }, 1, "s:1", START_US / 1_000)).toBe(
    "1 device to s:1, until Ctrl-C",
  );
});

test("of a network that breaks before a batch of each device is through it is said that little gets through", () => {
  const network = { ...PERFECT_NETWORK, bytesPerSecond: 16 * 1_024, disconnectsPerHour: 240 };
  const past = spanOf(HOUR_MS, { liveFromUs: START_US + HOUR_MS * 1_000 });
  const told = (devices: number, span: typeof past, conditions = network) =>
    narrowNetworks([fleetOf("factory", { devices, network: conditions })], span);
  expect(told(20, past)).toEqual([
    "f: between two disconnects pass about 240KiB, and one batch of each device has 976.6KiB: little or nothing gets through",
  ]);
  expect(told(4, past)).toEqual([]);
  expect(told(20, spanOf(HOUR_MS))).toEqual([]);
  expect(told(20, past, { ...network, disconnectsPerHour: 0 })).toEqual([]);
  expect(told(20, past, { ...network, bytesPerSecond: Infinity })).toEqual([]);
  expect(narrowNetworks([fleetOf("factory", { devices: 20 })], past)).toEqual([]);
});
