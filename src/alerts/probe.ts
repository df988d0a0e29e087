/** One series as one instance of a rule sees it: its own clock, its state of the condition, and what came late. */
import { setNothingCalm } from "./conditions/calm.ts";
import type { ConditionState } from "./conditions/condition-state.ts";
import type { Instance } from "./instance.ts";
import type { Gap, LateLane } from "./late-lane.ts";
import { ProbeRow } from "./probe-row.ts";
import { GAP_WEIGHT, LATE_GAPS, missingAfterUs, SLOW_GAP_MS, type ProbeRows } from "./probe-rows.ts";

/** Times without samples that are remembered; the oldest are forgotten, and what comes for them is not evaluated. */
const MISSING_MAX = 16;

export class Probe extends ProbeRow {
  readonly instance: Instance;
  readonly seriesId: number;
  readonly #state: ConditionState | null;
  level = 0;
  /** Its own stamp, where that was later. */
  stampUs = NaN;
  /** A sample that leaves the level as it is changes nothing but this. */
  #isCalm = false;
  /** Between which settlings of its instance it moved last. */
  unsettledIn = -1;
  late: LateLane | null = null;
  #missing: Gap[] | null = null;
  /** The first time that was evaluated as it came. */
  #firstUs = Infinity;

  constructor(instance: Instance, seriesId: number, state: ConditionState | null, rows: ProbeRows) {
    super(rows);
    const { lateAfterMs } = instance.rule;
    if (lateAfterMs !== undefined) this.lateAfterUs = lateAfterMs * 1_000;
    this.instance = instance;
    this.seriesId = seriesId;
    this.#state = state;
  }

  /** It has taken every sample. Null: the condition is about being heard alone. */
  get state(): ConditionState | null {
    const state = this.#state;
    if (state !== null) this.takeWaiting(state);
    return state;
  }

  set isCalm(isCalm: boolean) {
    this.#isCalm = isCalm;
    this.becalm();
  }

  /** Finds out which samples are calm from now on. */
  becalm(): void {
    const { state } = this;
    if (!this.#isCalm || this.level > 0) setNothingCalm(this);
    else if (state !== null) state.becalm(this);
    else {
      this.low = -Infinity;
      this.high = Infinity;
    }
  }

  override leave(): void {
    this.isCalm = false;
    super.leave();
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
    // Old when they come, and newer than all that is known: nothing follows them yet, and the next sample ends that.
    if (isBehindAll) this.isCalm = false;
    if (isBehindAll && missing[missing.length - 1].toUs < Infinity) this.#addMissing(this.clockUs, Infinity);
    return missing;
  }

  /** From here on points are stored: what comes late for a time after it was evaluated before this start. */
  beganAt(timeUs: number): void {
    this.#firstUs = Math.min(timeUs, this.#firstUs);
  }

  /** Where a sample stands on its clock. */
  clockOf(timeUs: number, arrivalUs: number): number {
    return timeUs <= arrivalUs ? timeUs : Math.max(arrivalUs, this.clockUs + 1);
  }

  /** All up to a time was evaluated before this start, as far as it came; the newest of it has the stamp and this level. */
  restore(clockUs: number, stampUs: number, value: number, level: number, atMs: number): void {
    if (this.clockUs > -Infinity && this.#noteMissing(clockUs)) this.#missing!.at(-1)!.isMetBehind = level > 0;
    this.level = level;
    this.value = value;
    this.clockUs = clockUs;
    this.stampUs = stampUs;
    this.seenAtMs = atMs;
    this.beganAt(clockUs);
  }

  /**
   * Takes a sample that is not late; returns the level from it on. What clears a level counts once it is `shown`: while
   * the hold runs the limit itself must be met.
   */
  take(timeUs: number, value: number, arrivalUs: number, atMs: number, shown: number): number {
    const clockUs = this.clockOf(timeUs, arrivalUs);
    if (this.clockUs === -Infinity) this.beganAt(clockUs);
    else this.#noteGap(clockUs, atMs);
    const last = this.#missing?.at(-1);
    if (last !== undefined && last.toUs > clockUs) last.toUs = clockUs;
    this.clockUs = clockUs;
    this.stampUs = timeUs;
    this.seenAtMs = atMs;
    const { state } = this;
    const level = state === null ? 0 : state.take(clockUs, value, Math.min(this.level, shown));
    if (level > 0 || this.level === 0) this.value = value;
    if (last?.toUs === clockUs) last.isMetBehind = level > 0;
    return level;
  }

  /** {@link take} where it is calm and the sample in order; -1 where one of these is not so, and nothing was taken. */
  takeInOrder(timeUs: number, value: number, arrivalUs: number, atMs: number): number {
    const { state, value: before } = this;
    if (!this.#isCalm || state === null || !this.takeNext(timeUs, value, arrivalUs, atMs)) return -1;
    const level = state.take(timeUs, value, this.level);
    if (level === this.level) this.becalm();
    else if (level === 0) this.value = before;
    return level;
  }

  #noteGap(clockUs: number, atMs: number): void {
    this.#noteMissing(clockUs);
    const gapMs = atMs - this.seenAtMs;
    if (gapMs > 0) this.#noteGapMs(gapMs);
  }

  /** Returns whether some are missing before this one of which that was not known. */
  #noteMissing(clockUs: number): boolean {
    const eventGapUs = clockUs - this.clockUs;
    const isMissing = this.gapMs > 0 && eventGapUs > missingAfterUs(this.gapMs);
    if (!isMissing || this.#missing?.at(-1)?.toUs === Infinity) return false;
    this.#addMissing(this.clockUs, clockUs);
    return true;
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
