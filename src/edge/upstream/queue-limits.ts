/** How much may wait for the upstream: what is past that is given up, oldest first. */
import type { Clock } from "../../model/clock.ts";
import { sequencesWithin, type SequenceRanges } from "../../model/sequence-ranges.ts";
import type { SequencesHeld } from "../../store/backlog-protocol.ts";

export interface QueueLimits {
  /** Of blocks; Infinity: no bound. */
  readonly queueBytesMax: number;
  /** Since arrival; Infinity: no bound. */
  readonly queueAgeMaxMs: number;
}

/** The wall clock was set ahead: what came before did not arrive longer ago than that, whatever it is stamped with. */
export interface ClockSet {
  /** The first sequence behind it. */
  readonly seq: number;
  /** By the wall clock as it was set. */
  readonly atMs: number;
}

export type CountSequences = (ranges: SequenceRanges) => Promise<SequencesHeld>;

/** The first sequence that is kept, so that what is kept of `waiting` is within the limits. Finite ranges only. */
export async function firstSequenceKept(
  waiting: SequenceRanges,
  { queueBytesMax, queueAgeMaxMs }: QueueLimits,
  nowMs: number,
  clockSet: ClockSet | null,
  count: CountSequences,
): Promise<number> {
  if (waiting.length === 0) return 0;
  const oldestS = Math.floor((nowMs - queueAgeMaxMs) / 1_000);
  const isYoung = async (ranges: SequenceRanges, sinceS: number) => {
    return ranges.length === 0 || sinceS >= oldestS || (await count(ranges)).arrivalFromS >= oldestS;
  };
  const isWithin = async (from: number) => {
    const kept = sequencesWithin(waiting, from, Infinity);
    if (kept.length === 0) return true;
    if (queueBytesMax < Infinity && (await count(kept)).bytes > queueBytesMax) return false;
    if (queueAgeMaxMs === Infinity) return true;
    const seq = clockSet?.seq ?? 0;
    const before = sequencesWithin(kept, 0, seq);
    return (await isYoung(before, (clockSet?.atMs ?? 0) / 1_000)) && isYoung(sequencesWithin(kept, seq, Infinity), 0);
  };
  let [low, high] = [waiting[0][0], waiting.at(-1)![1]];
  if (await isWithin(low)) return low;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (await isWithin(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Less than that is the clock being kept right. */
const STEP_MIN_MS = 60_000;
/** Of a machine that has just started the wall clock may not have been set yet. */
const UNSURE_MS = 600_000;

/** Whether the wall clock can be believed where ages are judged. */
export class ClockWatch {
  readonly #clock: Clock;
  readonly #startMs: number;
  #aheadMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startMs = clock.monotonicMs();
    this.#aheadMs = this.#wallAheadMs();
  }

  get isSure(): boolean {
    return this.#clock.monotonicMs() - this.#startMs >= UNSURE_MS;
  }

  /** Whether it was set ahead since the last question. */
  wasSetAhead(): boolean {
    const before = this.#aheadMs;
    this.#aheadMs = this.#wallAheadMs();
    return this.#aheadMs - before >= STEP_MIN_MS;
  }

  #wallAheadMs(): number {
    return this.#clock.nowMs() - this.#clock.monotonicMs();
  }
}
