/** What is committed goes upstream at once, unless it has to be left to the backlog. */
import { blockOfFrame } from "../../codec/frame-block.ts";
import type { Clock } from "../../model/clock.ts";
import type { Frame } from "../../model/frame.ts";
import type { SequenceRange } from "../../model/sequence-ranges.ts";
import type { Bandwidth } from "./bandwidth.ts";
import type { Lane } from "./lane.ts";
import { LiveRows } from "./live-rows.ts";
import { hasSomethingSharing, partContent, type PartsUnderway } from "./parts-underway.ts";
import type { SeriesFilter } from "./series-filter.ts";
import type { UpstreamState } from "./upstream-state.ts";

export interface LiveSenderDeps {
  readonly clock: Clock;
  readonly state: Pick<UpstreamState, "fresh">;
  readonly filter: SeriesFilter;
  readonly bandwidth: Bandwidth;
  readonly underway: PartsUnderway;
  readonly live: Lane;
  readonly backlog: Lane;
  /** Something is left to the backlog. */
  onLeft(): void;
  onFailure(error: unknown): void;
}

/** Rows of frames that go together; a larger frame goes alone. */
const JOINED_ROWS_MAX = 16_384;
const JOIN_MS = 10;
/** Frames of which nothing is wanted upstream are told of together. */
const EMPTY_MS = 2_000;
const POINTS_MAX = 131_072;
const BYTES_MAX = 2 * 1024 * 1024;
/** More gaps than that are left to the backlog, which closes them. */
const RANGES_MAX = 500;

export class LiveSender {
  readonly #deps: LiveSenderDeps;
  readonly #rows = new LiveRows();
  #isPaused = false;
  #isHeld = false;
  #isOver = false;
  #cancelFlush: () => void = () => {};
  /** Of the timer that runs; Infinity: none does. */
  #flushInMs = Infinity;

  constructor(deps: LiveSenderDeps) {
    this.#deps = deps;
  }

  /** Taken, and neither sent nor left to the backlog; null: there are none. */
  get waiting(): SequenceRange | null {
    return this.#rows.isEmpty ? null : this.#rows.sequences;
  }

  /** A committed frame: taken, or left to the backlog. */
  onFrame(frame: Frame): void {
    if (this.#isOver) return;
    if (!this.#mayTake(frame)) {
      this.#isPaused = true;
      return this.#deps.onLeft();
    }
    this.#isPaused = false;
    if (this.#rows.count >= JOINED_ROWS_MAX) return this.flush();
    this.#flushSoon(this.#rows.count === 0 ? EMPTY_MS : JOIN_MS);
  }

  /** What was taken before is judged now; what comes from now on waits until `release`. */
  hold(): void {
    this.flush();
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.flush();
  }

  /** Sends what was taken, unless it has to wait or is left to the backlog. */
  flush(): void {
    if (this.#rows.isEmpty || this.#isHeld || this.#isOver) return;
    this.#cancelFlush();
    try {
      this.#sendRows();
    } catch (error) {
      this.#deps.onFailure(error);
    }
  }

  close(): void {
    this.#isOver = true;
    this.#cancelFlush();
  }

  #sendRows(): void {
    const { live, backlog, underway, onLeft } = this.#deps;
    const { sequences, count, arrivalMs } = this.#rows;
    const content = count === 0 ? null : partContent(blockOfFrame(this.#rows, Math.floor(arrivalMs / 1_000)), count);
    this.#rows.clear();
    if (content !== null && hasSomethingSharing(backlog, content.spans)) return onLeft();
    underway.send(live, content, { sequences, isLast: true, isResend: false });
  }

  #mayTake(frame: Frame): boolean {
    const { bandwidth, clock, filter, live, state } = this.#deps;
    const share = this.#isPaused ? 2 : 1;
    if (live.pointsInFlight + this.#rows.count > POINTS_MAX / share) return false;
    if (live.isFull || live.bytesInFlight > BYTES_MAX / share) return false;
    if (!bandwidth.mayGoLive(clock.monotonicMs()) || state.fresh.length > RANGES_MAX / share) return false;
    const passes = filter.passesAll ? null : (id: number) => filter.passes(id);
    if (this.#rows.add(frame, passes)) return true;
    this.flush();
    return this.#rows.isEmpty && this.#rows.add(frame, passes);
  }

  #flushSoon(delayMs: number): void {
    if (delayMs >= this.#flushInMs) return;
    this.#cancelFlush();
    this.#flushInMs = delayMs;
    const cancel = this.#deps.clock.after(delayMs, () => {
      this.#flushInMs = Infinity;
      this.flush();
    });
    this.#cancelFlush = () => {
      cancel();
      this.#flushInMs = Infinity;
    };
  }
}
