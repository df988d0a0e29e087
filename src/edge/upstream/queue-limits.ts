/** How much may wait for the upstream: what is past that is given up, oldest first. */
import { sequencesWithin, type SequenceRanges } from "../../model/sequence-ranges.ts";
import type { SequencesHeld } from "../../store/backlog-protocol.ts";

export interface QueueLimits {
  /** Of blocks; Infinity: no bound. */
  readonly queueBytesMax: number;
  /** Since arrival; Infinity: no bound. */
  readonly queueAgeMaxMs: number;
}

/** The first sequence that is kept, so that what is kept of `waiting` is within the limits. Finite ranges only. */
export async function firstSequenceKept(
  waiting: SequenceRanges,
  { queueBytesMax, queueAgeMaxMs }: QueueLimits,
  nowMs: number,
  count: (ranges: SequenceRanges) => Promise<SequencesHeld>,
): Promise<number> {
  if (waiting.length === 0) return 0;
  const oldestS = (nowMs - queueAgeMaxMs) / 1_000;
  const isWithin = async (from: number) => {
    const kept = sequencesWithin(waiting, from, Infinity);
    if (kept.length === 0) return true;
    const { bytes, arrivalFromS } = await count(kept);
    return bytes <= queueBytesMax && arrivalFromS >= Math.floor(oldestS);
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
