/** One series as one instance of a rule sees it: its own clock, its state of the condition, and what came late. */
import type { ConditionState } from "./conditions/condition-state.ts";
import type { Instance } from "./instance.ts";
import type { Gap, LateLane } from "./late-lane.ts";

/** Gaps between arrivals are smoothed: each new one counts a quarter. */
const GAP_WEIGHT = 0.25;
/** So many usual gaps, and not less than this, between two samples: some are missing there, and may still come. */
const GAPS_MISSING = 3;
const MISSING_US_MIN = 15_000_000;
/** Points are late after a quarter of an hour, of slow series after some of their gaps. */
const LATE_AFTER_US = 15 * 60_000_000;
const LATE_GAPS = 3;
const SLOW_GAP_MS = LATE_AFTER_US / 1_000 / LATE_GAPS;
/** Times without samples that are remembered; the oldest are forgotten, and what comes for them is not evaluated. */
const MISSING_MAX = 16;

export class Probe {
  readonly instance: Instance;
  readonly seriesId: number;
  /** Null: the condition is about being heard alone. */
  readonly state: ConditionState | null;
  level = 0;
  value = NaN;
  /** The smaller of event time and arrival of its newest sample, Unix microseconds. */
  clockUs = -Infinity;
  /** Its own stamp, where that was later. */
  stampUs = NaN;
  /** When that came. */
  seenAtMs = -Infinity;
  /** Usual time between two arrivals; 0 until there were two. */
  gapMs = 0;
  /** Age at arrival from which a point is late. */
  lateAfterUs = LATE_AFTER_US;
  /** A sample that leaves the level as it is changes nothing but this. */
  isCalm = false;
  late: LateLane | null = null;
  /** Another one of the same series. */
  next: Probe | null = null;
  #missing: Gap[] | null = null;
  /** The first time that was evaluated as it came. */
  #firstUs = Infinity;

  constructor(instance: Instance, seriesId: number, state: ConditionState | null) {
    const { lateAfterMs } = instance.rule;
    if (lateAfterMs !== undefined) this.lateAfterUs = lateAfterMs * 1_000;
    this.instance = instance;
    this.seriesId = seriesId;
    this.state = state;
  }

  /** Whether a late point of this time is new: it lies where nothing was evaluated. */
  isMissing(timeUs: number): boolean {
    if (timeUs < this.#firstUs || timeUs > this.clockUs) return true;
    return this.#missing !== null && this.#missing.some(({ fromUs, toUs }) => timeUs > fromUs && timeUs < toUs);
  }

  /** Event times in which late points are new; what is evaluated of them is to be taken off. */
  missingAt(timeUs: number): Gap[] {
    const missing = (this.#missing ??= [{ fromUs: -Infinity, toUs: this.#firstUs }]);
    const isBehindAll = timeUs > this.clockUs && this.clockUs > -Infinity;
    // Old when they come, and newer than all that is known: nothing follows them yet.
    if (isBehindAll && missing[missing.length - 1].toUs < Infinity) this.#addMissing(this.clockUs, Infinity);
    return missing;
  }

  /** From here on points are stored: what comes late for a time after it was evaluated before this start. */
  beganAt(timeUs: number): void {
    this.#firstUs = Math.min(timeUs, this.#firstUs);
  }

  /** All up to a time was evaluated before this start, as far as it came. */
  restore(clockUs: number, value: number, atMs: number): void {
    this.value = value;
    this.clockUs = clockUs;
    this.seenAtMs = atMs;
    this.beganAt(clockUs);
  }

  /**
   * Takes a sample that is not late; returns the level from it on. What clears a level counts once it is `shown`: while
   * the hold runs the limit itself must be met.
   */
  take(timeUs: number, value: number, arrivalUs: number, atMs: number, shown: number): number {
    const clockUs = timeUs <= arrivalUs ? timeUs : Math.max(arrivalUs, this.clockUs + 1);
    if (this.clockUs === -Infinity) this.beganAt(clockUs);
    else this.#noteGap(clockUs, atMs);
    const last = this.#missing?.at(-1);
    if (last !== undefined && last.toUs > clockUs) last.toUs = clockUs;
    this.clockUs = clockUs;
    this.stampUs = timeUs;
    this.seenAtMs = atMs;
    this.value = value;
    return this.state === null ? 0 : this.state.take(clockUs, value, Math.min(this.level, shown));
  }

  /** {@link take} where it is calm and the sample in order; -1 where one of these is not so, and nothing was taken. */
  takeCalmly(timeUs: number, value: number, arrivalUs: number, atMs: number): number {
    const gapMs = atMs - this.seenAtMs;
    const eventGapUs = timeUs - this.clockUs;
    const isInOrder = eventGapUs > 0 && timeUs <= arrivalUs && arrivalUs - timeUs <= this.lateAfterUs;
    if (!isInOrder || eventGapUs > MISSING_US_MIN + GAPS_MISSING * this.gapMs * 1_000) return -1;
    if (gapMs > 0) this.#noteGapMs(gapMs);
    this.clockUs = timeUs;
    this.seenAtMs = atMs;
    this.value = value;
    return this.state!.take(timeUs, value, this.level);
  }

  #noteGap(clockUs: number, atMs: number): void {
    const gapMs = atMs - this.seenAtMs;
    const eventGapUs = clockUs - this.clockUs;
    const isMissing = this.gapMs > 0 && eventGapUs > GAPS_MISSING * this.gapMs * 1_000;
    const isNoted = this.#missing?.at(-1)?.toUs === Infinity;
    if (isMissing && eventGapUs > MISSING_US_MIN && !isNoted) this.#addMissing(this.clockUs, clockUs);
    if (gapMs > 0) this.#noteGapMs(gapMs);
  }

  /** The first, which is of before everything, always stays. */
  #addMissing(fromUs: number, toUs: number): void {
    const missing = (this.#missing ??= [{ fromUs: -Infinity, toUs: this.#firstUs }]);
    missing.push({ fromUs, toUs });
    if (missing.length > MISSING_MAX) missing.splice(1, 1);
  }

  #noteGapMs(gapMs: number): void {
    this.gapMs = this.gapMs === 0 ? gapMs : this.gapMs + GAP_WEIGHT * (gapMs - this.gapMs);
    if (this.gapMs <= SLOW_GAP_MS) return;
    if (this.instance.rule.lateAfterMs === undefined) this.lateAfterUs = LATE_GAPS * this.gapMs * 1_000;
  }
}
