/** How often each device is heard: the gaps between its arrivals, without those that tell of something else. */
import { GAPS_MIN, GapRings } from "./gap-rings.ts";
import { grown } from "./grown.ts";

/** Arrivals closer together are one: what sends a hundred times a second is known by its seconds, and one that sends every second by each. */
const GAP_MIN_MS = 900;
/** Readings that are further apart than their arrivals, by more than this, were kept and are sent now: that is not the device's rhythm. */
const CATCH_UP_MS = 30_000;
/** A percentile that moved by more than this part is saved again. */
const SAVED_DRIFT = 0.1;

export class Rhythms {
  readonly #gaps = new GapRings();
  /** The arrival that a gap began with, NaN where there is none; and how much older than it its newest reading was. */
  #fromMs = new Float64Array(0);
  #fromLagMs = new Float32Array(0);
  #savedP95Ms = new Float32Array(0);

  resize(length: number): void {
    this.#gaps.resize(length);
    this.#fromMs = grown(this.#fromMs, length, NaN);
    this.#fromLagMs = grown(this.#fromLagMs, length);
    this.#savedP95Ms = grown(this.#savedP95Ms, length);
  }

  /** Whether its readings come as far apart as they were made: they may be late, and are no back-fill. `lagMs`: as with {@link arrived}. */
  isSteady(device: number, atMs: number, lagMs: number): boolean {
    const gapMs = atMs - this.#fromMs[device];
    return gapMs >= GAP_MIN_MS && Math.abs(lagMs - this.#fromLagMs[device]) <= Math.min(CATCH_UP_MS, gapMs / 2);
  }

  /**
   * `lagMs`: how much older than its arrival the newest reading is; `isLive`: it is of one that counts as heard. True: the
   * percentile may be another one.
   */
  arrived(device: number, atMs: number, lagMs: number, isLive: boolean): boolean {
    const gapMs = atMs - this.#fromMs[device];
    if (gapMs < GAP_MIN_MS) {
      if (lagMs < this.#fromLagMs[device]) this.#fromLagMs[device] = lagMs;
      return false;
    }
    const isCatchingUp = this.#fromLagMs[device] - lagMs > CATCH_UP_MS;
    this.#fromMs[device] = atMs;
    this.#fromLagMs[device] = lagMs;
    return isLive && !isCatchingUp && gapMs > 0 && this.#gaps.add(device, gapMs);
  }

  /** What comes next is no gap. */
  interrupt(device: number): void {
    this.#fromMs[device] = NaN;
  }

  isKnown(device: number): boolean {
    return this.#gaps.count(device) >= GAPS_MIN;
  }

  /** 95th percentile of its gaps; NaN: it is not known. */
  p95Ms(device: number): number {
    return this.#gaps.p95Ms(device);
  }

  /** Whether the percentile is another one than when it was saved. */
  hasDrifted(device: number, p95Ms: number): boolean {
    const savedMs = this.#savedP95Ms[device];
    return p95Ms > 0 && !(Math.abs(p95Ms - savedMs) <= SAVED_DRIFT * savedMs);
  }

  saved(device: number): void {
    this.#savedP95Ms[device] = this.#gaps.p95Ms(device);
  }

  /** Oldest first. */
  gapsOf(device: number): number[] {
    return this.#gaps.of(device);
  }

  restore(device: number, gapsMs: readonly number[]): void {
    this.#gaps.set(device, gapsMs);
    this.saved(device);
  }

  forget(device: number): void {
    this.#gaps.clear(device);
    this.#fromMs[device] = NaN;
    this.#fromLagMs[device] = 0;
    this.#savedP95Ms[device] = 0;
  }
}
