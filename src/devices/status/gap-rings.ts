/**
 * The last gaps between arrivals of every device, a quarter of a kilobyte each: in pages of many devices, which are made when one of
 * them has a gap and never copied, as a column that grows would be.
 */
import { grown } from "./grown.ts";
import { INTERVAL_MIN_MS } from "./thresholds.ts";

export const GAPS_MAX = 64;
/** With fewer nothing is inferred: they may all be of one burst. */
export const GAPS_MIN = 4;
const QUANTILE = 0.95;
const DEVICES_A_PAGE = 256;
const GAP_MS_MAX = 2 ** 32 - 1;
/** Values at and above the lower of the two ranks that the quantile of a full ring lies between. */
const TOP_MAX = GAPS_MAX - Math.floor(QUANTILE * (GAPS_MAX - 1));

export class GapRings {
  readonly #pages: (Uint32Array | undefined)[] = [];
  #counts = new Uint8Array(0);
  /** Where the next gap is written. */
  #nexts = new Uint8Array(0);
  /** How many of its gaps are longer than the least interval that is told apart. */
  #longs = new Uint8Array(0);
  /** The lower of the two values that the percentile lay between when it was asked for last. */
  #lowsMs = new Uint32Array(0);
  /** The largest of one ring, descending: used again for each. */
  readonly #top = new Float64Array(TOP_MAX);

  resize(length: number): void {
    this.#counts = grown(this.#counts, length);
    this.#nexts = grown(this.#nexts, length);
    this.#longs = grown(this.#longs, length);
    this.#lowsMs = grown(this.#lowsMs, length);
  }

  count(device: number): number {
    return this.#counts[device];
  }

  /** The oldest makes room. False: the percentile is surely what it was, or below the least interval as before. */
  add(device: number, gapMs: number): boolean {
    const next = this.#nexts[device];
    const page = (this.#pages[Math.floor(device / DEVICES_A_PAGE)] ??= new Uint32Array(DEVICES_A_PAGE * GAPS_MAX));
    const place = (device % DEVICES_A_PAGE) * GAPS_MAX + next;
    const before = page[place];
    const gap = Math.min(Math.round(gapMs), GAP_MS_MAX);
    page[place] = gap;
    this.#nexts[device] = (next + 1) % GAPS_MAX;
    const isFull = this.#counts[device] === GAPS_MAX;
    const longsBefore = this.#longs[device];
    if (isFull && before > INTERVAL_MIN_MS) this.#longs[device]--;
    if (gap > INTERVAL_MIN_MS) this.#longs[device]++;
    if (longsBefore === 0 && this.#longs[device] === 0 && this.#counts[device] >= GAPS_MIN) {
      if (!isFull) this.#counts[device]++;
      return false;
    }
    if (isFull) {
      const lowMs = this.#lowsMs[device];
      return gap !== before && (gap >= lowMs || before >= lowMs);
    }
    this.#counts[device]++;
    return true;
  }

  /** 95th percentile, interpolated as model/quantile.ts does; NaN with fewer than GAPS_MIN. One pass, since each arrival may ask. */
  p95Ms(device: number): number {
    const count = this.#counts[device];
    if (count < GAPS_MIN) return NaN;
    const rank = QUANTILE * (count - 1);
    const below = Math.floor(rank);
    const wanted = count - below;
    const [gaps, top, from] = [this.#pageOf(device), this.#top, (device % DEVICES_A_PAGE) * GAPS_MAX];
    top.fill(-1);
    for (let i = from; i < from + count; i++) {
      const gap = gaps[i];
      if (gap <= top[wanted - 1]) continue;
      let at = wanted - 1;
      for (; at > 0 && top[at - 1] < gap; at--) top[at] = top[at - 1];
      top[at] = gap;
    }
    const low = top[wanted - 1];
    this.#lowsMs[device] = low;
    return wanted === 1 ? low : low + (top[wanted - 2] - low) * (rank - below);
  }

  /** Oldest first. */
  of(device: number): number[] {
    const [count, next, from] = [this.#counts[device], this.#nexts[device], (device % DEVICES_A_PAGE) * GAPS_MAX];
    if (count === 0) return [];
    const gaps = this.#pageOf(device);
    return Array.from({ length: count }, (_, i) => gaps[from + ((next - count + i + GAPS_MAX) % GAPS_MAX)]);
  }

  /** The newest of them, where there are more than it holds. */
  set(device: number, gapsMs: readonly number[]): void {
    this.clear(device);
    for (const gapMs of gapsMs.slice(-GAPS_MAX)) this.add(device, gapMs);
  }

  clear(device: number): void {
    this.#counts[device] = 0;
    this.#lowsMs[device] = 0;
    this.#nexts[device] = 0;
    this.#longs[device] = 0;
  }

  /** Of a device that has a gap. */
  #pageOf(device: number): Uint32Array {
    return this.#pages[Math.floor(device / DEVICES_A_PAGE)]!;
  }
}
