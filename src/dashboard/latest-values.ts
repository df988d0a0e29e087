import type { Frame } from "../model/frame.ts";
import type { StoreOpened } from "../store/store-client.ts";

/** Gaps are smoothed: each new one counts a quarter. */
const GAP_WEIGHT = 0.25;

/** `isLate`: older than what stands. */
export type OnWatched = (id: number, timeUs: number, value: number, isLate: boolean) => void;

/**
 * The newest value of every series by event time, in columns by series id, and when something was heard of it last.
 * A point that is older than what stands changes nothing but that, and so does what stands once more; at the same time
 * the later write wins.
 */
export class LatestValues {
  /** NaN where there is no value, Infinity where there is never to be one again. */
  timesUs = new Float64Array(1_024).fill(NaN);
  values = new Float64Array(1_024);
  /** The {@link stamp} of the frame that changed the value last. */
  stamps = new Uint32Array(1_024);
  /** Monotonic. */
  seenAtMs = new Float64Array(1_024);
  /** Usual time between two arrivals; 0 until there were two. */
  gapsMs = new Float32Array(1_024);
  /** 1 where {@link apply} tells of every point. */
  watched = new Uint8Array(1_024);
  #stamp = 1;

  /** Counts frames. Whoever remembers it can later ask what has changed since. */
  get stamp(): number {
    return this.#stamp;
  }

  /** Puts back values read from disk; `agesMs` since their event time. */
  restore(
    seriesIds: Uint32Array,
    timesUs: Float64Array,
    values: Float64Array,
    nowMs: number,
    monotonicMs: number,
  ): void {
    for (let i = 0; i < seriesIds.length; i++) {
      const id = seriesIds[i];
      this.reach(id);
      this.timesUs[id] = timesUs[i];
      this.values[id] = values[i];
      this.stamps[id] = this.#stamp;
      this.seenAtMs[id] = monotonicMs - Math.max(0, nowMs - timesUs[i] / 1_000);
    }
  }

  /** Takes values that somebody else knows, where they are newer than what stands. */
  learn({ seriesIds, timesUs, values }: StoreOpened["latest"], nowMs: number, monotonicMs: number): void {
    const stamp = ++this.#stamp;
    for (let i = 0; i < seriesIds.length; i++) {
      const id = seriesIds[i];
      this.reach(id);
      if (this.timesUs[id] >= timesUs[i]) continue;
      this.timesUs[id] = timesUs[i];
      this.values[id] = values[i];
      this.stamps[id] = stamp;
      this.seenAtMs[id] = Math.max(this.seenAtMs[id], monotonicMs - Math.max(0, nowMs - timesUs[i] / 1_000));
    }
  }

  /** Takes a committed frame; `onWatched` hears of the points of watched series in order, but not of what stands already. */
  apply(frame: Frame, monotonicMs: number, onWatched: OnWatched): void {
    const stamp = ++this.#stamp;
    const { count, seriesIds } = frame;
    for (let i = 0; i < count; i++) {
      const id = seriesIds[i];
      if (id >= this.values.length) this.reach(id);
      const timeUs = frame.timesUs[i];
      const value = frame.values[i];
      const gapMs = monotonicMs - this.seenAtMs[id];
      // False where nothing stands: NaN compares with nothing. True where the series was deleted.
      if (timeUs < this.timesUs[id]) {
        this.seenAtMs[id] = monotonicMs;
        if (this.watched[id] !== 0) onWatched(id, timeUs, value, true);
        continue;
      }
      if (timeUs === this.timesUs[id] && Object.is(value, this.values[id])) {
        this.seenAtMs[id] = monotonicMs;
        continue;
      }
      if (gapMs > 0) {
        if (this.timesUs[id] === this.timesUs[id]) {
          const usualMs = this.gapsMs[id];
          this.gapsMs[id] = usualMs === 0 ? gapMs : usualMs + GAP_WEIGHT * (gapMs - usualMs);
        }
        this.seenAtMs[id] = monotonicMs;
      }
      this.timesUs[id] = timeUs;
      this.values[id] = value;
      this.stamps[id] = stamp;
      if (this.watched[id] !== 0) onWatched(id, timeUs, value, false);
    }
  }

  has(id: number): boolean {
    return id < this.timesUs.length && this.timesUs[id] < Infinity;
  }

  /** Deleted series have no value any more, whatever is still on its way to them. */
  forget(ids: readonly number[]): void {
    for (const id of ids) {
      this.reach(id);
      this.timesUs[id] = Infinity;
      this.gapsMs[id] = 0;
    }
  }

  /** Points a second of a series, by the usual time between arrivals or, where that is longer, by its silence. */
  rateOf(id: number, monotonicMs: number): number {
    if (id >= this.gapsMs.length || this.gapsMs[id] === 0) return 0;
    return 1_000 / Math.max(this.gapsMs[id], monotonicMs - this.seenAtMs[id]);
  }

  /** Makes room for an id. */
  reach(id: number): void {
    if (id < this.values.length) return;
    const length = Math.max(id + 1, 2 * this.values.length);
    const missing = this.timesUs.length;
    this.timesUs = grown(this.timesUs, new Float64Array(length));
    this.timesUs.fill(NaN, missing);
    this.values = grown(this.values, new Float64Array(length));
    this.stamps = grown(this.stamps, new Uint32Array(length));
    this.seenAtMs = grown(this.seenAtMs, new Float64Array(length));
    this.gapsMs = grown(this.gapsMs, new Float32Array(length));
    this.watched = grown(this.watched, new Uint8Array(length));
  }
}

function grown<T extends Float64Array | Float32Array | Uint32Array | Uint8Array>(from: T, to: T): T {
  to.set(from as never);
  return to;
}
