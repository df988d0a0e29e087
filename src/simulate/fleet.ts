/** Devices of one kind at one site, and what is wrong with them. */
import type { Fault } from "./fault.ts";
import type { NetworkConditions } from "./network.ts";
import type { Profile } from "./profile.ts";

export interface Fleet {
  readonly name: string;
  readonly profile: Profile;
  readonly devices: number;
  /** Sources that its devices send under; 0: each device is its own. */
  readonly gateways: number;
  readonly site: string;
  /** Simulated time between two readings of a sensor. */
  readonly intervalMs: number;
  /** Readings of each sensor that are sent together. */
  readonly batch: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly faults: readonly Fault[];
  /** Undefined: its devices reach the server as this machine does. */
  readonly network: NetworkConditions | undefined;
}

export interface Scenario {
  readonly seed: number;
  readonly fleets: readonly Fleet[];
}

export const FLEETS_MAX = 100;
export const DEVICES_MAX = 100_000;

export interface DeviceIdentity {
  readonly device: string;
  readonly source: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** Digits of a number, more where it needs more: whatever their count is, the same device has the same name, and names sort. */
const DIGITS = 4;

/** `index` from 0. */
export function identityOf({ name, profile, gateways, site, tags }: Fleet, index: number): DeviceIdentity {
  const device = `${name}-${profile.device}-${numbered(index)}`;
  const source = gateways === 0 ? device : `${name}-gateway-${numbered(index % gateways)}`;
  return { device, source, tags: { ...tags, device, site } };
}

function numbered(index: number): string {
  return String(index + 1).padStart(DIGITS, "0");
}
