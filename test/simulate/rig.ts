/** Devices of a fleet that is said in short, and all that they send. */
import { faultOf, type FaultKind, type Schedule } from "../../src/simulate/fault.ts";
import type { Fleet } from "../../src/simulate/fleet.ts";
import { PROFILES } from "../../src/simulate/profiles.ts";
import type { Sending } from "../../src/simulate/reading.ts";
import { SimulatedDevice, type Span } from "../../src/simulate/simulated-device.ts";

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
/** A Monday. */
export const START_US = Date.UTC(2026, 5, 1) * 1_000;

export function profileOf(name: string) {
  return PROFILES.find((each) => each.name === name)!;
}

export function fleetOf(profile: string, more: Partial<Fleet> = {}): Fleet {
  const kind = profileOf(profile);
  return {
    ...{ name: "f", profile: kind, devices: 3, gateways: 0, site: "s", intervalMs: kind.intervalMs, batch: 1 },
    ...{ tags: {}, faults: [], network: undefined },
    ...more,
  };
}

export function spanOf(durationMs: number, more: Partial<Span> = {}): Span {
  return { fromUs: START_US, toUs: START_US + durationMs * 1_000, speed: 1, liveFromUs: START_US, ...more };
}

export function fault(kind: FaultKind, when: Schedule, more: Partial<Parameters<typeof faultOf>[0]> = {}) {
  return faultOf({ kind, when, ...more });
}

/** Without silences. */
export function sendings(fleet: Fleet, span: Span, { index = 0, seed = 1 } = {}): Sending[] {
  const device = new SimulatedDevice(fleet, index, seed, span);
  const sent: Sending[] = [];
  for (let sending = device.next(); sending !== undefined; sending = device.next()) sent.push(sending);
  return sent.filter(({ readings }) => readings.length > 0);
}

/** Values of each metric in order of sending. */
export function columns(sent: readonly Sending[]): Record<string, number[]> {
  const out: Record<string, number[]> = {};
  for (const { readings } of sent) for (const { metric, value } of readings) (out[metric] ??= []).push(value);
  return out;
}
