/** What the upstream has not got goes to it from the store, newest first, in passes. */
import type { Clock } from "../../model/clock.ts";
import { FRAME_POINTS_MAX } from "../../model/limits.ts";
import { intersectionOf, sequencesWithin, withoutSequences, type SequenceRanges } from "../../model/sequence-ranges.ts";
import type { BacklogPart } from "../../store/backlog-protocol.ts";
import type { Bandwidth } from "./bandwidth.ts";
import type { DownSampler } from "./down-sampler.ts";
import type { Lane } from "./lane.ts";
import type { LiveSender } from "./live-sender.ts";
import { hasSomethingSharing, partContent, type PartsUnderway } from "./parts-underway.ts";
import { pause } from "../../model/pause.ts";
import type { SeriesFilter } from "./series-filter.ts";
import type { UpstreamState } from "./upstream-state.ts";
import type { UpstreamStore } from "./upstream-store.ts";

export interface BacklogSenderDeps {
  readonly clock: Clock;
  readonly store: Pick<UpstreamStore, "undelivered">;
  readonly state: Pick<UpstreamState, "fresh" | "again" | "settled">;
  readonly filter: SeriesFilter;
  readonly bandwidth: Bandwidth;
  readonly underway: PartsUnderway;
  readonly live: Lane;
  readonly backlog: Lane;
  readonly liveSender: LiveSender;
  /** Null: points go as they are. */
  readonly sampler: DownSampler | null;
  /** Of what is committed, the next sequence. */
  nextSeq(): number;
  /** Whether each part waits for the acknowledgement of the one before. */
  isOneByOne(): boolean;
  readonly signal: AbortSignal;
}

const BYTES_MAX = 4 * 1024 * 1024;
const POINTS_MAX = 4 * FRAME_POINTS_MAX;
const PART_BOUNDS = { rowsMax: FRAME_POINTS_MAX, bytesMax: 1024 * 1024 };
/** Told at once. */
const SETTLED_MAX = 500;
/** What live points left behind waits for so long, then the backlog begins anew with the newest. */
const NEWER_WAIT_MS = 500;
const NOTHING_FOUND_MS = 1_000;
/** Points that are on their way when a window ends. */
const WINDOW_GRACE_MS = 1_000;

export class BacklogSender {
  readonly #deps: BacklogSenderDeps;
  /** Of what is down-sampled, what came behind has to wait. */
  #sampledTo = Infinity;
  #cancelSample: () => void = () => {};
  #isReading = false;
  /** Where the sequences begin that were sent in part; Infinity: none were. */
  #sentInPartFrom = Infinity;
  /** Since when something newer than the present pass waits, monotonic; null: nothing does. */
  #newerSinceMs: number | null = null;
  #wake: () => void = () => {};

  constructor(deps: BacklogSenderDeps) {
    this.#deps = deps;
    deps.signal.addEventListener("abort", () => {
      this.#cancelSample();
      this.#wake();
    });
    if (deps.sampler !== null) this.#sampleSoon(deps.sampler.stepMs);
  }

  /** Sequences from here on may be in a part that is read, or was sent in part; Infinity: none are. */
  get oldestBeingSent(): number {
    return this.#isReading ? 0 : this.#sentInPartFrom;
  }

  /** There is more to send, or room for it. */
  wake(): void {
    this.#wake();
  }

  /** Live points were left to it. */
  newerCame(): void {
    this.#newerSinceMs ??= this.#deps.clock.monotonicMs();
    this.#wake();
  }

  /** Sends for as long as the link is up. */
  async run(): Promise<void> {
    const { bandwidth, clock, signal } = this.#deps;
    let cursor: BacklogPart["next"] = null;
    let isResend = false;
    let pass: SequenceRanges = [];
    let found = 0;
    while (!signal.aborted) {
      await this.#until(() => this.#mayRead());
      if (signal.aborted) return;
      const waitMs = bandwidth.backlogWaitMs(clock.monotonicMs());
      if (waitMs > 0) {
        await pause(waitMs, clock, signal);
        continue;
      }
      // The receiver counts a range at its last part, one range at a time.
      if (this.#sentInPartFrom === Infinity) this.#tellSettled();
      if (!this.#mayRead()) continue;
      if (cursor === null) {
        isResend = this.#waiting(false).length === 0;
        pass = this.#waiting(isResend);
        found = 0;
        this.#newerSinceMs = null;
      }
      // Of a pass ranges may become less only: what is left to the backlog meanwhile is for the next one.
      const waiting = this.#waiting(isResend);
      const ranges = intersectionOf(pass, waiting);
      if (ranges.length === 0) {
        cursor = null;
        this.#sentInPartFrom = Infinity;
        continue;
      }
      const part = await this.#readAndSend(ranges, cursor, isResend);
      if (part === undefined) return;
      found += part.delivered.length;
      const mayBegin = part.delivered.length > 0;
      cursor = mayBegin && this.#isNewerDue(isResend) ? null : part.next;
      if (part.next === null && found === 0) await pause(NOTHING_FOUND_MS, clock, signal);
    }
  }

  #mayRead(): boolean {
    const { backlog, isOneByOne, signal } = this.#deps;
    if (signal.aborted) return true;
    if (backlog.isFull || backlog.bytesInFlight > BYTES_MAX || backlog.pointsInFlight > POINTS_MAX) return false;
    if (isOneByOne() && backlog.partsInFlight.length > 0) return false;
    return this.#waiting(false).length > 0 || this.#waiting(true).length > 0 || this.#settled().length > 0;
  }

  /** A moment after a window has ended what came until its end is looked at. */
  #sampleSoon(stepMs: number): void {
    const { clock, nextSeq } = this.#deps;
    this.#cancelSample = clock.after(stepMs - (clock.nowMs() % stepMs), () => {
      const endSeq = nextSeq();
      this.#cancelSample = clock.after(WINDOW_GRACE_MS, () => {
        this.#sampledTo = endSeq;
        this.#sampleSoon(stepMs);
        this.#wake();
      });
    });
  }

  /** What is committed, undelivered and not on its way. */
  #waiting(isResend: boolean): SequenceRanges {
    const { state, nextSeq, underway, liveSender } = this.#deps;
    let ranges = sequencesWithin(isResend ? state.again : state.fresh, 0, Math.min(nextSeq(), this.#sampledTo));
    if (ranges.length === 0) return ranges;
    for (const [from, to] of underway.delivering) ranges = withoutSequences(ranges, from, to);
    const { waiting } = liveSender;
    return waiting === null ? ranges : withoutSequences(ranges, ...waiting);
  }

  /** What the receiver is to hear of, and has not been told. */
  #settled(): SequenceRanges {
    const { state, underway } = this.#deps;
    return underway.delivering.reduce((ranges, [from, to]) => withoutSequences(ranges, from, to), state.settled);
  }

  #tellSettled(): void {
    const { backlog, isOneByOne, underway } = this.#deps;
    for (const sequences of this.#settled().slice(0, isOneByOne() ? 1 : SETTLED_MAX)) {
      underway.send(backlog, null, { sequences, isLast: true, isResend: false });
    }
  }

  /** Whether a pass gives way to what is newer, or was never sent. */
  #isNewerDue(isResend: boolean): boolean {
    if (isResend && this.#waiting(false).length > 0) return true;
    return this.#newerSinceMs !== null && this.#deps.clock.monotonicMs() - this.#newerSinceMs >= NEWER_WAIT_MS;
  }

  /** Live points wait meanwhile, since nobody knows yet what will be on its way. Undefined where the link is over. */
  async #readAndSend(
    ranges: SequenceRanges,
    cursor: BacklogPart["next"],
    isResend: boolean,
  ): Promise<BacklogPart | undefined> {
    const { clock, filter, liveSender, sampler, signal, store } = this.#deps;
    // What waits is judged by the parts on their way now: behind this part it would have to be judged by it, too.
    liveSender.hold();
    this.#isReading = true;
    try {
      const query = { ranges, seriesIds: filter.passing(), ...PART_BOUNDS, cursor };
      const part = await store.undelivered(query, { signal });
      const parts = sampler === null ? [part] : await sampler.sampled(part, clock.nowMs(), signal);
      if (parts.length === 0) {
        this.#sampledTo = Math.min(this.#sampledTo, part.sequences![0]);
        return { ...part, delivered: [] };
      }
      for (const each of parts) {
        await this.#sendPart(each, isResend);
        if (signal.aborted) return undefined;
      }
      this.#sentInPartFrom = part.delivered.length > 0 || part.sequences === null ? Infinity : part.sequences[0];
      return part;
    } finally {
      this.#isReading = false;
      liveSender.release();
    }
  }

  async #sendPart({ block, sequences, delivered, unreadable }: BacklogPart, isResend: boolean): Promise<void> {
    const { backlog, live, signal, underway } = this.#deps;
    const content = block === null ? null : partContent(block, block.points);
    // It may hold what has replaced points that are on their way live, and must not arrive before them.
    if (content !== null) await this.#until(() => signal.aborted || !hasSomethingSharing(live, content.spans));
    if (signal.aborted) return;
    const [first, ...others] = delivered;
    const isLast = first !== undefined;
    if (content !== null || isLast) {
      underway.send(backlog, content, { sequences: first ?? sequences!, isLast, isResend, unreadable });
    }
    for (const range of others) underway.send(backlog, null, { sequences: range, isLast: true, isResend });
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}
