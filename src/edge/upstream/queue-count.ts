/** How much waits for the upstream: to count it the indexes of all its blocks are read, so nobody is to ask too often. */
import type { Clock } from "../../model/clock.ts";
import type { SequencesHeld } from "../../store/backlog-protocol.ts";
import type { CountSequences } from "./queue-limits.ts";
import type { SequenceRanges } from "../../model/sequence-ranges.ts";

export interface QueueCounted {
  readonly undelivered: SequenceRanges;
  readonly held: SequencesHeld;
}

/** An answer is given again for so many times what it took. */
const KEPT_FOR = 20;

export class QueueCount {
  readonly #clock: Clock;
  readonly #count: CountSequences;
  #last: Promise<QueueCounted> | undefined;
  #keptToMs = -Infinity;

  constructor(clock: Clock, count: CountSequences) {
    [this.#clock, this.#count] = [clock, count];
  }

  /** Of those, or of what was undelivered a moment ago. */
  of(undelivered: SequenceRanges): Promise<QueueCounted> {
    if (this.#last !== undefined && this.#clock.monotonicMs() < this.#keptToMs) return this.#last;
    const startedMs = this.#clock.monotonicMs();
    this.#keptToMs = Infinity;
    const counted = this.#count(undelivered).then((held) => ({ undelivered, held }));
    this.#last = counted;
    const done = () => {
      const nowMs = this.#clock.monotonicMs();
      this.#keptToMs = nowMs + KEPT_FOR * (nowMs - startedMs);
    };
    counted.then(done, () => (this.#keptToMs = -Infinity));
    return counted;
  }
}
