/** What of the log is not in period files yet: a crash comes between two of them, or before the log is let go. */
import { frameOfRecord, type RecordFrame } from "../log/record.ts";
import { replayRecords } from "../log/replay.ts";
import type { Catalog } from "./catalog.ts";
import { periodOf, periodStartUs, type Period } from "./period.ts";

/**
 * The frames of all records of log segments, without the rows that `points` holds when this begins; also those of which
 * nothing is left, which have no bytes. Throws as `replayRecords` does.
 */
export function* unsealedFrames(
  segments: readonly string[],
  points: Catalog,
  onDamage: (sentence: string) => void,
): Generator<{ readonly frame: RecordFrame; readonly bytes: number }, void> {
  const sealed = new SealedSequences(points);
  for (const segment of segments) {
    for (const record of replayRecords(segment, onDamage)) {
      const whole = frameOfRecord(record);
      const frame = sealed.isAfterAll(whole.seq) ? whole : unsealedOf(whole, sealed);
      yield { frame, bytes: frame.count === 0 ? 0 : record.byteLength };
    }
  }
}

/** Moves the rows that stay within the columns of the record. */
function unsealedOf(whole: RecordFrame, sealed: SealedSequences): RecordFrame {
  const { seq, timesUs, values, seriesIds } = whole;
  let count = 0;
  for (let row = 0; row < whole.count; row++) {
    if (sealed.has(seq, timesUs[row])) continue;
    timesUs[count] = timesUs[row];
    values[count] = values[row];
    seriesIds[count] = seriesIds[row];
    count++;
  }
  return { ...whole, count };
}

/**
 * Generations are sealed in order, and what one has of a period is written in one transaction. So whatever falls in a period
 * is sealed up to the last sequence that a block of it names.
 */
class SealedSequences {
  readonly #throughs: ReadonlyMap<Period, number>;
  readonly #lastSeq: number;
  #fromUs = 0;
  #toUs = 0;
  #through = -1;

  constructor(points: Catalog) {
    this.#throughs = new Map(points.periods().map((period) => [period, points.sealedThrough(period)]));
    this.#lastSeq = points.lastSeq;
  }

  isAfterAll(seq: number): boolean {
    return seq > this.#lastSeq;
  }

  /** Of a record, a row with this time. */
  has(seq: number, timeUs: number): boolean {
    if (timeUs < this.#fromUs || timeUs >= this.#toUs) {
      const period = periodOf(timeUs);
      this.#fromUs = periodStartUs(period);
      this.#toUs = periodStartUs(period + 1);
      this.#through = this.#throughs.get(period) ?? -1;
    }
    return seq <= this.#through;
  }
}
