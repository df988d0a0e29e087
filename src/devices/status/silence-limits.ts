/** After how much silence each device is late: by what somebody set, or by its rhythm. */
import { grown } from "./grown.ts";
import type { Rhythms } from "./rhythms.ts";
import { LATE, OFFLINE, type StatusSettings } from "./status.ts";
import { thresholdsOf, type Thresholds } from "./thresholds.ts";

/** Of a device whose interval is not known, readings that are older are no sign of life; nor are they where they always come so late. */
const FRESH_MS = 3_600_000;
const INFERRED: StatusSettings = { expectedIntervalMs: 0, lateAfterMs: 0, offlineAfterMs: 0, isEventDriven: false };

export class SilenceLimits {
  readonly #rhythms: Rhythms;
  readonly #settings = new Map<number, StatusSettings>();
  #lateAfterMs = new Float64Array(0);

  constructor(rhythms: Rhythms) {
    this.#rhythms = rhythms;
  }

  resize(length: number): void {
    this.#lateAfterMs = grown(this.#lateAfterMs, length, thresholdsOf(INFERRED, NaN).lateAfterMs);
  }

  set(device: number, settings: StatusSettings): void {
    const { expectedIntervalMs, lateAfterMs, offlineAfterMs, isEventDriven } = settings;
    const isSet = expectedIntervalMs > 0 || lateAfterMs > 0 || offlineAfterMs > 0 || isEventDriven;
    if (isSet) this.#settings.set(device, settings);
    else this.#settings.delete(device);
    this.learn(device);
  }

  /** Somebody said how long it may be silent. */
  isSet(device: number): boolean {
    return this.#settings.has(device);
  }

  /** Its rhythm is another one. */
  learn(device: number, p95Ms = this.#rhythms.p95Ms(device)): void {
    this.#lateAfterMs[device] = this.#of(device, p95Ms).lateAfterMs;
  }

  /** Infinity: never. */
  lateAfterMs(device: number): number {
    return this.#lateAfterMs[device];
  }

  of(device: number): Thresholds {
    return this.#of(device, this.#rhythms.p95Ms(device));
  }

  /** How long one that has this status must have been silent for that at least, rounded up; 0: silence did not bring it there. */
  silentMs(device: number, status: number): number {
    const { lateAfterMs, offlineAfterMs } = this.of(device);
    const silentMs = status === LATE ? lateAfterMs : status === OFFLINE ? offlineAfterMs : 0;
    // A millisecond more, for sums of fractions are rounded.
    return silentMs > 0 && silentMs < Infinity ? silentMs + 1 : 0;
  }

  /** Whether a reading that is so much older than its arrival says that a device is there. */
  isLive(device: number, atMs: number, lagMs: number): boolean {
    if (lagMs >= FRESH_MS) return lagMs < this.#lateAfterMs[device] && this.#isKnown(device);
    return lagMs < this.#lateAfterMs[device] || this.#rhythms.isSteady(device, atMs, lagMs);
  }

  /** After its rhythm was. */
  forget(device: number): void {
    this.set(device, INFERRED);
  }

  /** Whether somebody set, or arrivals told, how long it may be silent. */
  #isKnown(device: number): boolean {
    return this.#settings.has(device) ? this.#lateAfterMs[device] < Infinity : this.#rhythms.isKnown(device);
  }

  #of(device: number, p95Ms: number): Thresholds {
    return thresholdsOf(this.#settings.get(device) ?? INFERRED, p95Ms);
  }
}
