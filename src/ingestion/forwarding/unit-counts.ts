/** Counts of a range that comes in several parts: they enter the ledger with its last one, whatever is told between. */
import { hasSomeOf, withSequences, type SequenceRange, type SequenceRanges } from "../../model/sequence-ranges.ts";
import { addDelivered, type DeliveredBySource } from "./delivered.ts";

interface Unit {
  readonly ranges: SequenceRanges;
  readonly delivered: DeliveredBySource;
}

const nothing = (): Unit => ({ ranges: [], delivered: new Map() });

export class UnitCounts {
  #unit = nothing();

  /**
   * Of a part that is not the last. The parts of a range name the sequences that their rows may have come with, and these
   * overlap; where others begin the sender has given the range before up, and sends all of it again or none.
   */
  add(sequences: SequenceRange, delivered: DeliveredBySource): void {
    // It only named series, for the part behind it.
    if (delivered.size === 0) return;
    if (!hasSomeOf(this.#unit.ranges, ...sequences)) this.#unit = nothing();
    addDelivered(this.#unit.delivered, delivered);
    this.#unit = { ...this.#unit, ranges: withSequences(this.#unit.ranges, ...sequences) };
  }

  /** What came of a range, with that of its last part. */
  take(sequences: SequenceRange, delivered: DeliveredBySource): DeliveredBySource {
    if (!hasSomeOf(this.#unit.ranges, ...sequences)) return delivered;
    const whole = this.#unit.delivered;
    this.#unit = nothing();
    addDelivered(whole, delivered);
    return whole;
  }
}
