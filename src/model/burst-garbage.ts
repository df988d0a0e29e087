/**
 * The garbage of bursts. When a hundred thousand alerts fire, or a thousand people join, what is left over lies among what stays. The collector by
 * itself looks when the heap has doubled, and then the holes stay: memory never moves. So what is young is collected as it is
 * made, which lets the next alerts fill the holes, and everything once the burst is over. A start is a burst of its own: most of
 * the code that it ran is never run again.
 */
import type { Clock } from "./clock.ts";

/** The collector of the thread; both return when they are done. */
export interface Collector {
  /** What was made lately: a few milliseconds. */
  collectYoung(): void;
  /** Everything: 0.1 s with a hundred thousand alerts. */
  collectAll(): void;
  /** The same, and compiled code goes; what is run again is compiled again. */
  shrink(): void;
}

/** Each leaves one or two kilobytes. */
const YOUNG_CHANGES = 2_000;
/** Past so many everything is collected in the end. */
const BURST_CHANGES = 20_000;
/** Between two changes of one burst. */
const BURST_GAP_MS = 60_000;
/** No points and no changes have come for so long. */
const QUIET_MS = 1_000;

export class BurstGarbage {
  readonly #collector: Collector;
  readonly #clock: Clock;
  #young = 0;
  #all = 0;
  #notedAtMs = -Infinity;
  #busyAtMs = 0;
  #hasJustStarted = false;
  #cancel: (() => void) | null = null;

  constructor(collector: Collector, clock: Clock) {
    this.#collector = collector;
    this.#clock = clock;
  }

  /** So many things were made that leave one or two kilobytes each, such as changes of alerts. */
  note(changes: number): void {
    this.disturb();
    // What comes now and then is no burst.
    if (this.#busyAtMs - this.#notedAtMs > BURST_GAP_MS && this.#cancel === null) this.#all = 0;
    this.#notedAtMs = this.#busyAtMs;
    this.#young += changes;
    this.#all += changes;
    if (this.#young >= YOUNG_CHANGES) {
      this.#young = 0;
      this.#collector.collectYoung();
    }
    if (this.#all >= BURST_CHANGES && this.#cancel === null) this.#await(QUIET_MS);
  }

  /** What was done so far was the start. */
  started(): void {
    this.disturb();
    this.#hasJustStarted = true;
    if (this.#cancel === null) this.#await(QUIET_MS);
  }

  /** Something is going on that must not be held up. */
  disturb(): void {
    this.#busyAtMs = this.#clock.monotonicMs();
  }

  close(): void {
    this.#cancel?.();
  }

  #await(delayMs: number): void {
    this.#cancel = this.#clock.after(delayMs, () => {
      this.#cancel = null;
      const leftMs = this.#busyAtMs + QUIET_MS - this.#clock.monotonicMs();
      if (leftMs > 0) return this.#await(leftMs);
      this.#all = 0;
      if (this.#hasJustStarted) this.#collector.shrink();
      else this.#collector.collectAll();
      this.#hasJustStarted = false;
    });
  }
}
