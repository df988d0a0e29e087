/** Holds what waits for the upstream within its limits. */
import type { Clock } from "../../model/clock.ts";
import { sequencesWithin, type SequenceRanges } from "../../model/sequence-ranges.ts";
import type { SequencesHeld } from "../../store/backlog-protocol.ts";
import { ClockWatch, firstSequenceKept, type CountSequences, type QueueLimits } from "./queue-limits.ts";
import type { UpstreamState } from "./upstream-state.ts";

export interface QueueKeeperDeps {
  readonly clock: Clock;
  readonly limits: QueueLimits;
  readonly state: Pick<UpstreamState, "fresh" | "clockSet" | "clockWasSet">;
  readonly count: CountSequences;
  /** Of what is committed, the next sequence. */
  nextSeq(): number;
  /** Undelivered sequences from here on may be on their way. */
  oldestOnItsWay(): number;
  /** These are past the limits. */
  giveUp(ranges: SequenceRanges, held: SequencesHeld): Promise<void>;
  onFailure(error: unknown): void;
}

const EVERY_MS = 10_000;

export class QueueKeeper {
  readonly #deps: QueueKeeperDeps;
  readonly #watch: ClockWatch;
  #isOver = false;
  #cancel: () => void = () => {};

  constructor(deps: QueueKeeperDeps) {
    this.#deps = deps;
    this.#watch = new ClockWatch(deps.clock);
    const { queueBytesMax, queueAgeMaxMs } = deps.limits;
    if (queueBytesMax < Infinity || queueAgeMaxMs < Infinity) this.#limitSoon();
  }

  close(): void {
    this.#isOver = true;
    this.#cancel();
  }

  #limitSoon(): void {
    if (this.#isOver) return;
    this.#cancel = this.#deps.clock.after(EVERY_MS, () => {
      this.#limit()
        .catch((error: unknown) => this.#deps.onFailure(error))
        .finally(() => this.#limitSoon());
    });
  }

  async #limit(): Promise<void> {
    const { clock, count, giveUp, limits, nextSeq, oldestOnItsWay, state } = this.#deps;
    if (this.#watch.wasSetAhead()) state.clockWasSet({ seq: nextSeq(), atMs: clock.nowMs() });
    const queueAgeMaxMs = this.#watch.isSure ? limits.queueAgeMaxMs : Infinity;
    const waiting = () => sequencesWithin(state.fresh, 0, Math.min(nextSeq(), oldestOnItsWay()));
    const kept = await firstSequenceKept(waiting(), { ...limits, queueAgeMaxMs }, clock.nowMs(), state.clockSet, count);
    const gone = sequencesWithin(waiting(), 0, kept);
    if (gone.length === 0) return;
    const held = await count(gone);
    if (oldestOnItsWay() < gone.at(-1)![1] || this.#isOver) return;
    await giveUp(gone, held);
  }
}
