/**
 * A connection to the upstream: two streams of one session, from their beginning to the failure of either.
 *
 * What is newer must not be overwritten by what is older, and the receiver keeps no versions. Therefore:
 * - a part of the backlog holds only what stands when it is read;
 * - live points that may replace something in a part that is not acknowledged yet are not sent live: their sequences stay
 *   undelivered, and the backlog brings them behind that part, in the same stream;
 * - a part is sent once no live points are on their way that something in it may have replaced;
 * - while a part is being read, or waits so, live points wait, since nobody knows yet what will be on its way;
 * - where one stream fails both end. The next session ends all streams before it at the receiver before anything is sent.
 */
import { blockOfFrame, type FrameBlock } from "../../codec/frame-block.ts";
import type { Clock } from "../../model/clock.ts";
import { WatchpostError } from "../../model/errors.ts";
import type { Frame } from "../../model/frame.ts";
import { FRAME_POINTS_MAX } from "../../model/limits.ts";
import type { SeriesRegistry } from "../../model/series-registry.ts";
import { sequencesWithin, withoutSequences, withSequences } from "../../model/sequence-ranges.ts";
import type { SequenceRanges } from "../../model/sequence-ranges.ts";
import type { ForwardedAck, RefusedPoints } from "../../wire/gen/forwarding_pb.ts";
import type { Bandwidth } from "./bandwidth.ts";
import { mayShare, spansOfBlock, type ChunkSpans } from "./chunk-spans.ts";
import { OTHER_SOURCES, type DeliveryLedger } from "./delivery-ledger.ts";
import type { DownSampler } from "./down-sampler.ts";
import { Lane, type ForwardedInit, type OpenLane, type SentPart } from "./lane.ts";
import { LiveRows } from "./live-rows.ts";
import { NamedSeries } from "./named-series.ts";
import type { SeriesFilter } from "./series-filter.ts";
import type { UpstreamState } from "./upstream-state.ts";
import type { BacklogPart } from "../../store/backlog-protocol.ts";
import type { UpstreamStore } from "./upstream-store.ts";

export interface LinkDeps {
  readonly clock: Clock;
  readonly registry: Pick<SeriesRegistry, "identityOf">;
  readonly store: Pick<UpstreamStore, "undelivered">;
  readonly state: UpstreamState;
  readonly ledger: DeliveryLedger;
  readonly filter: SeriesFilter;
  readonly bandwidth: Bandwidth;
  readonly openLane: OpenLane;
  /** Null: points go as they are. */
  readonly sampler: DownSampler | null;
  /** Of what is committed, the next sequence. */
  nextSeq(): number;
  onConnected(answer: ForwardedAck): void;
  onSent(lane: "live" | "backlog", bytes: number): void;
  /** How many were acknowledged, and how many of them refused. */
  onDelivered(points: number, refused: number): void;
}

/** Rows of frames that go together; a larger frame goes alone. */
const JOINED_ROWS_MAX = 16_384;
const JOIN_MS = 10;
/** Frames of which nothing is wanted upstream are told of together. */
const EMPTY_MS = 2_000;
const LIVE_POINTS_MAX = 131_072;
const LIVE_BYTES_MAX = 2 * 1024 * 1024;
/** More gaps than that are left to the backlog, which closes them. */
const RANGES_MAX = 500;
const BACKLOG_BYTES_MAX = 4 * 1024 * 1024;
const BACKLOG_POINTS_MAX = 4 * FRAME_POINTS_MAX;
const PART_BYTES_MAX = 1024 * 1024;
/** What live points left behind waits for so long, then the backlog begins anew with the newest. */
const NEWER_WAIT_MS = 500;
const NOTHING_FOUND_MS = 1_000;
/** Points that are on their way when a window ends. */
const WINDOW_GRACE_MS = 1_000;

export class Link {
  readonly #deps: LinkDeps;
  readonly #hello: ForwardedInit;
  readonly #failure = Promise.withResolvers<never>();
  readonly #over = new AbortController();
  #live: Lane | undefined;
  #backlog: Lane | undefined;
  #named!: Record<"live" | "backlog", NamedSeries>;
  readonly #rows = new LiveRows();
  #cancelFlush: () => void = () => {};
  /** Of the timer that runs; Infinity: none does. */
  #flushInMs = Infinity;
  #cancelSample: () => void = () => {};
  /** Of what is down-sampled, what came behind has to wait. */
  #sampledTo = Infinity;
  #isReading = false;
  #isPaused = false;
  /** Sent and not acknowledged. */
  #onTheirWay: SequenceRanges = [];
  /** Since when something newer than the present pass waits, monotonic; null: nothing does. */
  #newerSinceMs: number | null = null;
  #wake: () => void = () => {};

  /** `hello`: who sends, in which session. */
  constructor(deps: LinkDeps, hello: ForwardedInit) {
    this.#deps = deps;
    this.#hello = hello;
    this.#failure.promise.catch(() => {});
  }

  get isOver(): boolean {
    return this.#over.signal.aborted;
  }

  /** Undelivered sequences from here on may be on their way; Infinity: none are. */
  get oldestOnItsWay(): number {
    const rows = this.#rows.isEmpty ? Infinity : this.#rows.sequences[0];
    return this.#isReading ? 0 : Math.min(this.#onTheirWay[0]?.[0] ?? Infinity, rows);
  }

  /** Rejects with what ends the link. */
  async run(): Promise<never> {
    try {
      const { registry } = this.#deps;
      this.#named = { live: new NamedSeries(registry), backlog: new NamedSeries(registry) };
      const live = this.#openLane("live");
      const answer = await Promise.race([live.answer, this.#failure.promise]);
      const backlog = this.#openLane("backlog");
      await Promise.race([backlog.answer, this.#failure.promise]);
      this.#deps.onConnected(answer);
      [this.#live, this.#backlog] = [live, backlog];
      if (this.#deps.sampler !== null) this.#sampleSoon(this.#deps.sampler.stepMs);
      this.#drain(backlog).catch((error: unknown) => this.#fail(error));
      return await this.#failure.promise;
    } finally {
      this.close();
    }
  }

  /** A committed frame: sent, or left to the backlog. */
  onFrame(frame: Frame): void {
    const live = this.#live;
    if (live === undefined || this.isOver || this.#deps.sampler !== null) return;
    if (!this.#mayTake(live, frame)) {
      this.#isPaused = true;
      return this.#leaveToBacklog();
    }
    this.#isPaused = false;
    if (this.#rows.count >= JOINED_ROWS_MAX) return this.#flush();
    this.#flushSoon(this.#rows.count === 0 ? EMPTY_MS : JOIN_MS);
  }

  /** Something is to be sent again, or given up. */
  changed(): void {
    this.#wake();
  }

  close(): void {
    if (this.isOver) return;
    this.#over.abort();
    this.#cancelFlush();
    this.#cancelSample();
    this.#failure.reject(new WatchpostError("CANCELLED", "the link was closed"));
    this.#live?.close();
    this.#backlog?.close();
    this.#wake();
  }

  #openLane(name: "live" | "backlog"): Lane {
    const lane = new Lane(name, this.#hello, this.#deps.openLane, {
      onAcked: (parts, refused) => this.#acked(parts, refused),
      onRoom: () => this.#wake(),
      onEnd: (error) => this.#fail(error),
    });
    this.#over.signal.addEventListener("abort", () => lane.close());
    return lane;
  }

  #fail(error: unknown): void {
    this.#failure.reject(error);
    this.close();
  }

  #mayTake(live: Lane, frame: Frame): boolean {
    const { bandwidth, clock, filter, state } = this.#deps;
    const share = this.#isPaused ? 2 : 1;
    if (live.pointsInFlight + this.#rows.count > LIVE_POINTS_MAX / share) return false;
    if (live.isFull || live.bytesInFlight > LIVE_BYTES_MAX / share) return false;
    if (!bandwidth.mayGoLive(clock.monotonicMs()) || state.fresh.length > RANGES_MAX / share) return false;
    const passes = filter.passesAll ? null : (id: number) => filter.passes(id);
    if (this.#rows.add(frame, passes)) return true;
    this.#flush();
    return this.#rows.isEmpty && this.#rows.add(frame, passes);
  }

  #leaveToBacklog(): void {
    this.#newerSinceMs ??= this.#deps.clock.monotonicMs();
    this.#wake();
  }

  #flushSoon(delayMs: number): void {
    if (delayMs >= this.#flushInMs) return;
    this.#cancelFlush();
    this.#flushInMs = delayMs;
    const cancel = this.#deps.clock.after(delayMs, () => {
      this.#flushInMs = Infinity;
      this.#flush();
    });
    this.#cancelFlush = () => {
      cancel();
      this.#flushInMs = Infinity;
    };
  }

  /** Sends the live rows, unless they have to wait or are left to the backlog. */
  #flush(): void {
    const live = this.#live;
    if (this.#rows.isEmpty || this.#isReading || live === undefined || this.isOver) return;
    this.#cancelFlush();
    const { sequences, count, arrivalMs } = this.#rows;
    const block = count === 0 ? null : blockOfFrame(this.#rows, Math.floor(arrivalMs / 1_000));
    this.#rows.clear();
    const spans = block === null ? null : spansOfBlock(block.index);
    if (spans !== null && this.#mayReplaceSomethingOnItsWay(spans)) return this.#leaveToBacklog();
    try {
      const content = contentOf(block, this.#named.live);
      this.#send(live, content, { delivers: sequences, isResend: false, spans, points: count });
    } catch (error) {
      this.#fail(error);
    }
  }

  #mayReplaceSomethingOnItsWay(spans: ChunkSpans): boolean {
    return this.#backlog!.partsInFlight.some((part) => part.spans !== null && mayShare(part.spans, spans));
  }

  /** Sends the backlog for as long as the link is up. */
  async #drain(backlog: Lane): Promise<void> {
    let cursor: BacklogPart["next"] = null;
    let isAgain = false;
    let pass: SequenceRanges = [];
    let found = 0;
    while (!this.isOver) {
      await this.#until(() => this.#mayRead(backlog));
      if (this.isOver) return;
      const waitMs = this.#deps.bandwidth.backlogWaitMs(this.#deps.clock.monotonicMs());
      if (waitMs > 0) {
        await this.#pause(waitMs);
        continue;
      }
      if (cursor === null) {
        isAgain = this.#waiting(false).length === 0;
        pass = this.#waiting(isAgain);
        found = 0;
        this.#newerSinceMs = null;
      }
      // Of a pass ranges may become less only: what is left to the backlog meanwhile is for the next one.
      const waiting = this.#waiting(isAgain);
      const ranges = pass.flatMap(([from, to]) => sequencesWithin(waiting, from, to));
      if (ranges.length === 0) {
        cursor = null;
        continue;
      }
      const part = await this.#readAndSend(backlog, ranges, cursor, isAgain);
      if (part === undefined) return;
      found += part.delivered.length;
      const mayBegin = part.delivered.length > 0;
      cursor = mayBegin && this.#isNewerDue(isAgain) ? null : part.next;
      if (part.next === null && found === 0) await this.#pause(NOTHING_FOUND_MS);
    }
  }

  #mayRead(backlog: Lane): boolean {
    if (this.isOver) return true;
    if (backlog.isFull || backlog.bytesInFlight > BACKLOG_BYTES_MAX) return false;
    if (backlog.pointsInFlight > BACKLOG_POINTS_MAX) return false;
    return this.#waiting(false).length > 0 || this.#waiting(true).length > 0;
  }

  /** When a window has ended, what came until then is looked at. */
  #sampleSoon(stepMs: number): void {
    const { clock, nextSeq } = this.#deps;
    this.#sampledTo = nextSeq();
    const leftMs = stepMs - (clock.nowMs() % stepMs);
    this.#cancelSample = clock.after(leftMs + WINDOW_GRACE_MS, () => {
      this.#sampleSoon(stepMs);
      this.#wake();
    });
  }

  /** What is committed, undelivered and not on its way. */
  #waiting(isAgain: boolean): SequenceRanges {
    const { state, nextSeq } = this.#deps;
    let ranges = sequencesWithin(isAgain ? state.again : state.fresh, 0, Math.min(nextSeq(), this.#sampledTo));
    if (ranges.length === 0) return ranges;
    for (const [from, to] of this.#onTheirWay) ranges = withoutSequences(ranges, from, to);
    if (this.#rows.isEmpty) return ranges;
    return withoutSequences(ranges, ...this.#rows.sequences);
  }

  /** Whether a pass gives way to what is newer, or was never sent. */
  #isNewerDue(isAgain: boolean): boolean {
    if (isAgain && this.#waiting(false).length > 0) return true;
    return this.#newerSinceMs !== null && this.#deps.clock.monotonicMs() - this.#newerSinceMs >= NEWER_WAIT_MS;
  }

  /** Live points wait meanwhile, since nobody knows yet what will be on its way. Undefined where the link is over. */
  async #readAndSend(
    backlog: Lane,
    ranges: SequenceRanges,
    cursor: BacklogPart["next"],
    isAgain: boolean,
  ): Promise<BacklogPart | undefined> {
    const { sampler } = this.#deps;
    // What waits is judged by the parts on their way now: behind this part it would have to be judged by it, too.
    this.#flush();
    this.#isReading = true;
    try {
      const part = await this.#read(ranges, cursor);
      const parts = sampler === null ? [part] : await sampler.sampled(part, this.#over.signal);
      for (const each of parts) {
        await this.#untilNoLiveMayShare(each);
        if (this.isOver) return undefined;
        this.#sendPart(backlog, each, isAgain);
      }
      return part;
    } finally {
      this.#isReading = false;
      this.#flush();
    }
  }

  #read(ranges: SequenceRanges, cursor: BacklogPart["next"]): Promise<BacklogPart> {
    const bounds = { rowsMax: FRAME_POINTS_MAX, bytesMax: PART_BYTES_MAX };
    const query = { ranges, seriesIds: this.#deps.filter.passing(), ...bounds, cursor };
    return this.#deps.store.undelivered(query, { signal: this.#over.signal });
  }

  /**
   * Of what the live lane has on its way, a part may bring what replaced it: it must not arrive before.
   */
  async #untilNoLiveMayShare({ block }: BacklogPart): Promise<void> {
    if (block === null) return;
    const spans = spansOfBlock(block.index);
    const isClear = () => !this.#live!.partsInFlight.some((part) => part.spans !== null && mayShare(part.spans, spans));
    await this.#until(() => this.isOver || isClear());
  }

  #sendPart(backlog: Lane, { block, sequences, delivered, unreadable }: BacklogPart, isResend: boolean): void {
    if (unreadable > 0 && !isResend) this.#deps.ledger.dropped(OTHER_SOURCES, unreadable);
    const [first, ...others] = delivered;
    const spans = block === null ? null : spansOfBlock(block.index);
    if (block !== null || first !== undefined) {
      const content = contentOf(block, this.#named.backlog);
      const part = { delivers: first ?? null, isResend, spans, points: block?.points ?? 0 };
      this.#send(backlog, content, part, sequences);
    }
    for (const range of others) this.#send(backlog, {}, { delivers: range, isResend, spans: null, points: 0 });
  }

  #send(lane: Lane, content: ForwardedInit, part: SentPart, sequences = part.delivers): void {
    const { bandwidth, clock, ledger, onSent } = this.#deps;
    const { delivers, isResend } = part;
    const [from, to] = delivers ?? sequences!;
    const dropped = delivers === null || isResend ? [] : ledger.takeUntold();
    const told = { sequences: { from: BigInt(from), to: BigInt(to) }, isLast: delivers !== null, isResend, dropped };
    if (delivers !== null) this.#onTheirWay = withSequences(this.#onTheirWay, from, to);
    const bytes = lane.send({ ...content, ...told }, part);
    bandwidth.take(bytes, clock.monotonicMs());
    onSent(lane.name, bytes);
  }

  #acked(parts: readonly SentPart[], refused: readonly RefusedPoints[]): void {
    const { state, ledger, filter, clock, onDelivered } = this.#deps;
    let points = 0;
    for (const part of parts) {
      points += part.points;
      if (part.spans !== null && !part.isResend) ledger.acked(part.spans, (id) => filter.sourceOf(id), clock.nowMs());
      if (part.delivers === null) continue;
      state.delivered(part.delivers, part.isResend);
      this.#onTheirWay = withoutSequences(this.#onTheirWay, ...part.delivers);
    }
    if (!parts.some(({ isResend }) => isResend)) ledger.refused(refused);
    onDelivered(
      points,
      refused.reduce((sum, each) => sum + Number(each.points), 0),
    );
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#over;
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const cancel = this.#deps.clock.after(ms, done);
      signal.addEventListener("abort", done);
    });
  }
}

function contentOf(block: FrameBlock | null, named: NamedSeries): ForwardedInit {
  if (block === null) return {};
  return { series: named.name(block.seriesIds), blockIndex: block.index, blockBody: block.body };
}
