/** What kind of device is simulated. */
import type { Random } from "./random.ts";
import type { Moment } from "./signals.ts";

export interface Sensor {
  readonly metric: string;
  /** Of its readings. */
  readonly decimals: number;
  /** What it reads as long as nothing is wrong with it. */
  readonly min: number;
  readonly max: number;
}

export interface Profile {
  readonly name: string;
  readonly about: string;
  /** What a device is called, before its number. */
  readonly device: string;
  readonly sensors: readonly Sensor[];
  /** Reads {@link BATTERY} too. */
  readonly isOnBattery: boolean;
  /** Between two readings where nobody says otherwise. */
  readonly intervalMs: number;
  /**
   * A device in its place. `own` is its own chance, `site` the one of its site: what is made of that alone, such as the weather, is
   * the same for its neighbours.
   */
  start(own: Random, site: Random): Device;
}

/** One value for each sensor of the profile, in their order. Called with one moment after the other. */
export type Device = (moment: Moment) => readonly number[];

export const BATTERY: Sensor = { metric: "battery_pct", decimals: 1, min: 0, max: 100 };
