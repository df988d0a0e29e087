/** Remote write: what this node stored goes to a Prometheus-compatible cluster, in order. The queue is the store itself. */
import type { Bus } from "../../bus/bus.ts";
import type { BackoffOptions } from "../../model/backoff.ts";
import type { Clock } from "../../model/clock.ts";
import { messageOf } from "../../model/errors.ts";
import type { SeriesMatcher } from "../../model/matcher.ts";
import { pause } from "../../model/pause.ts";
import { Seldom } from "../../model/seldom.ts";
import type { SeriesRegistry } from "../../model/series-registry.ts";
import type { SequenceRanges } from "../../model/sequence-ranges.ts";
import type { SequencesHeld } from "../../store/backlog-protocol.ts";
import type { OutgoingPart, OutgoingPlace, OutgoingQuery } from "../../store/outgoing-protocol.ts";
import { QueueCount } from "../upstream/queue-count.ts";
import { ClockWatch, firstSequenceKept, type ClockSet, type QueueLimits } from "../upstream/queue-limits.ts";
import { SeriesFilter } from "../upstream/series-filter.ts";
import { Delivery } from "./delivery.ts";
import { isOutOfOrder } from "./late-samples.ts";
import type { LabelPair } from "./prometheus-labels.ts";
import type { Receiver } from "./receiver.ts";
import { SeriesNames } from "./series-names.ts";

export interface RemoteWriteOptions extends QueueLimits {
  /** Which series go; undefined: all. */
  readonly matcher: SeriesMatcher | undefined;
  /** They go with every series that does not have them. */
  readonly labels: readonly LabelPair[];
  readonly batchPoints: number;
  /** How long points wait for more of them. */
  readonly batchWaitMs: number;
  /** Requests at once; points of one series are in one at a time. */
  readonly connections: number;
  readonly backoff: BackoffOptions;
}

export interface RemoteWriteStore {
  outgoing(query: OutgoingQuery, options?: { signal?: AbortSignal }): Promise<OutgoingPart>;
  countUndelivered(ranges: SequenceRanges): Promise<SequencesHeld>;
}

/** Where it is written down how far it has come. */
export interface Cursor {
  /** Throws where it cannot be written. */
  write(place: OutgoingPlace): void;
  /** `isAllAnswered`: nothing was on its way. */
  close(isAllAnswered: boolean): Promise<void>;
}

export interface RemoteWriteDeps {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly registry: SeriesRegistry;
  readonly store: RemoteWriteStore;
  readonly cursor: Cursor;
  readonly receiver: Receiver;
  /** The next sequence that will be committed, at the start. */
  readonly nextSeq: number;
  /** Everything before it was sent. */
  readonly place: OutgoingPlace;
  /** Whether the part after it was on its way when the process before ended. */
  readonly mayBeThere: boolean;
  /** Uniform in [0, 1). */
  random(): number;
  onConnected(): void;
  /** It goes on by itself. */
  onTrouble(sentence: string): void;
  /** Points that will never be there. */
  onLost(sentence: string, points: number): void;
  /** For metrics. */
  onCount(counts: RemoteWriteCounts): void;
}

export interface RemoteWriteCounts {
  readonly sent?: number;
  readonly refused?: number;
  /** Refused as out of order, of a part that was on its way at a kill: they were there already. */
  readonly repeated?: number;
  readonly dropped?: number;
  readonly collided?: number;
  readonly bytes?: number;
}

export interface RemoteWriteStatus {
  readonly queuedPoints: number;
  /** Of the oldest point that waits, since it arrived. */
  readonly lagMs: number;
  /** In a sentence; undefined: the last request was answered. */
  readonly trouble: string | undefined;
  readonly nameCollisions: number;
}

const LIMIT_EVERY_MS = 10_000;
/** For what is on its way when it is closed: what is cut off goes again. */
const CLOSE_GRACE_MS = 3_000;
const NOT_READ_AGAIN_MS = 1_000;

export class RemoteWrite {
  readonly #options: RemoteWriteOptions;
  readonly #deps: RemoteWriteDeps;
  readonly #filter: SeriesFilter;
  readonly #names: SeriesNames;
  readonly #delivery: Delivery;
  readonly #queueCount: QueueCount;
  readonly #refusals: Seldom;
  readonly #cursorTroubles: Seldom;
  readonly #clockWatch: ClockWatch;
  readonly #over = new AbortController();
  #isClosing = false;
  #mayBeThere: boolean;
  /** Points of the present part that were there already. */
  #repeated = 0;
  #isSending = false;
  #nextSeq: number;
  /** Everything before it is there, or given up. */
  #sent: OutgoingPlace;
  #trouble: { readonly reason: string; readonly sinceMs: number } | undefined;
  #clockSet: ClockSet | null = null;
  /** What is before it is past the limits. */
  #keptFrom = 0;
  #skip = new AbortController();
  #wake: () => void = () => {};
  #cancelLimit: () => void = () => {};
  #running: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(options: RemoteWriteOptions, deps: RemoteWriteDeps) {
    const { clock, registry, store } = deps;
    this.#options = options;
    this.#deps = deps;
    this.#nextSeq = deps.nextSeq;
    this.#sent = deps.place;
    this.#mayBeThere = deps.mayBeThere;
    this.#filter = new SeriesFilter(registry, options.matcher);
    this.#names = new SeriesNames(registry, options.labels, deps.onTrouble);
    this.#refusals = new Seldom(clock, deps.onTrouble);
    this.#cursorTroubles = new Seldom(clock, deps.onTrouble);
    this.#queueCount = new QueueCount(clock, (ranges) => store.countUndelivered(ranges));
    this.#clockWatch = new ClockWatch(clock);
    this.#delivery = new Delivery({
      ...{ receiver: deps.receiver, clock, backoff: options.backoff, random: () => deps.random() },
      labelsOf: (id) => this.#names.encodedOf(id),
      onTaken: ({ samples, collided, bytes }) => {
        this.#gotThrough();
        deps.onCount({ sent: samples, collided, bytes });
      },
      onRefused: (points, reason, seriesId) => {
        if (this.#mayBeThere && isOutOfOrder(reason)) {
          this.#repeated += points;
          return deps.onCount({ repeated: points });
        }
        deps.onCount({ refused: points });
        const name = registry.has(seriesId) ? registry.identityOf(seriesId).metric : `series ${seriesId}`;
        this.#refusals.say(() => `${points} points are refused and given up, such as one of ${name}: ${reason}`);
      },
      onLater: (reason) => {
        if (this.#trouble?.reason !== reason) deps.onTrouble(`it is tried again until it works: ${reason}`);
        this.#trouble = { reason, sinceMs: this.#trouble?.sinceMs ?? clock.nowMs() };
      },
    });
  }

  /** Begins to send. To be closed before the store is. */
  start(): void {
    const unsubscribe = this.#deps.bus.subscribe(({ seq }) => {
      this.#nextSeq = seq + 1;
      this.#wake();
    });
    const { queueBytesMax, queueAgeMaxMs } = this.#options;
    if (queueBytesMax < Infinity || queueAgeMaxMs < Infinity) this.#limitSoon();
    this.#running = this.#run().finally(unsubscribe);
  }

  async status(): Promise<RemoteWriteStatus> {
    const { clock } = this.#deps;
    const waiting: SequenceRanges = this.#sent.seq < this.#nextSeq ? [[this.#sent.seq, this.#nextSeq]] : [];
    const { held } = await this.#queueCount.of(waiting);
    const queuedPoints = waiting.length === 0 ? 0 : this.#pointsOf(held);
    const lagMs = queuedPoints === 0 ? 0 : Math.max(0, clock.nowMs() - held.arrivalFromS * 1_000);
    return { queuedPoints, lagMs, trouble: this.trouble, nameCollisions: this.#names.collisions };
  }

  /** In a sentence; undefined: the last request was answered. */
  get trouble(): string | undefined {
    if (this.#trouble === undefined) return undefined;
    const { reason, sinceMs } = this.#trouble;
    return `since ${new Date(sinceMs).toISOString().slice(0, 19)}Z it does not get through, points wait here: ${reason}`;
  }

  /** Retention took stored points before they were sent. */
  lost(held: Pick<SequencesHeld, "points" | "bySeries">): void {
    this.#dropped(held, (points) => `retention took ${points} points before they were sent`);
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { clock, cursor, store } = this.#deps;
    this.#isClosing = true;
    this.#cancelLimit();
    this.#wake();
    if (this.#trouble !== undefined) this.#over.abort();
    await Promise.race([this.#running, pause(CLOSE_GRACE_MS, clock, this.#over.signal)]);
    this.#over.abort();
    await this.#running;
    // What is sealed at the end is cut where it was sent.
    const query = { place: this.#sent, sentSeq: this.#sent.seq, seriesIds: null, rowsMax: 1 };
    await store.outgoing(query).catch(() => {});
    await cursor.close(!this.#isSending);
  }

  async #run(): Promise<void> {
    const { clock } = this.#deps;
    const { signal } = this.#over;
    let place = this.#sent;
    let ahead: Promise<OutgoingPart | undefined> | undefined;
    while (!this.#isClosing) {
      const part = await (ahead ?? this.#read(place));
      ahead = undefined;
      if (part === undefined) {
        await pause(NOT_READ_AGAIN_MS, clock, signal);
        continue;
      }
      if (!part.isLast) ahead = this.#read(part.next);
      this.#isSending = part.seriesIds.length > 0;
      await this.#send(part);
      if (signal.aborted) return;
      // After a power cut it may be several parts, none of them of what came since.
      if (this.#isSending) this.#mayBeThere &&= this.#repeated > 0 && part.next.seq < this.#deps.nextSeq;
      this.#isSending = false;
      this.#repeated = 0;
      if (this.#skip.signal.aborted) {
        this.#skip = new AbortController();
        ahead = undefined;
        place = { seq: Math.max(this.#keptFrom, this.#sent.seq), block: null, chunk: null };
      } else {
        place = part.next;
      }
      if (part.unreadable > 0) {
        this.#lose(part.unreadable, `${part.unreadable} points are damaged here and cannot be sent`);
      }
      this.#sentTo(place);
      if (part.isLast) await this.#more();
    }
  }

  /** Undefined where the store cannot be read: it is said, and tried again. */
  async #read(place: OutgoingPlace): Promise<OutgoingPart | undefined> {
    const { store, onTrouble } = this.#deps;
    const rowsMax = this.#options.batchPoints * this.#options.connections;
    try {
      const query = { place, sentSeq: this.#sent.seq, seriesIds: this.#filter.passing(), rowsMax };
      return await store.outgoing(query, { signal: this.#over.signal });
    } catch (error) {
      if (!this.#over.signal.aborted) onTrouble(`what is to be sent cannot be read: ${messageOf(error)}`);
      return undefined;
    }
  }

  /** Lanes go side by side, the requests of each one after the other: a series is in one lane. */
  async #send(part: OutgoingPart): Promise<void> {
    const { connections, batchPoints } = this.#options;
    const signal = AbortSignal.any([this.#over.signal, this.#skip.signal]);
    await Promise.all(
      lanesOf(part.seriesIds, connections).map(async (rows) => {
        for (let from = 0; from < rows.length && !signal.aborted; from += batchPoints) {
          await this.#delivery.deliver(part, rows.subarray(from, from + batchPoints), signal);
        }
      }),
    );
  }

  #sentTo(place: OutgoingPlace): void {
    const isSame = JSON.stringify(place) === JSON.stringify(this.#sent);
    this.#sent = place;
    if (isSame) return;
    try {
      this.#deps.cursor.write(place);
    } catch (error) {
      const what = "how far it has come cannot be written down, so some of it would go again after a restart";
      this.#cursorTroubles.say(() => `${what}: ${messageOf(error)}`);
    }
  }

  /** Until there is more, and has waited for others. */
  async #more(): Promise<void> {
    while (this.#nextSeq <= this.#sent.seq && !this.#isClosing) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    if (this.#isClosing) return;
    const waiting = new AbortController();
    const stop = () => waiting.abort();
    this.#wake = () => this.#isClosing && stop();
    await pause(this.#options.batchWaitMs, this.#deps.clock, waiting.signal);
    this.#wake = () => {};
  }

  #gotThrough(): void {
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    this.#deps.onConnected();
  }

  #limitSoon(): void {
    this.#cancelLimit = this.#deps.clock.after(LIMIT_EVERY_MS, () => {
      this.#limit()
        .catch((error: unknown) => this.#deps.onTrouble(`the queue cannot be measured: ${messageOf(error)}`))
        .finally(() => !this.#isClosing && this.#limitSoon());
    });
  }

  async #limit(): Promise<void> {
    const { clock, store } = this.#deps;
    const count = (ranges: SequenceRanges) => store.countUndelivered(ranges);
    if (this.#clockWatch.wasSetAhead()) this.#clockSet = { seq: this.#nextSeq, atMs: clock.nowMs() };
    const from = Math.max(this.#sent.seq, this.#keptFrom);
    if (from >= this.#nextSeq) return;
    const waiting: SequenceRanges = [[from, this.#nextSeq]];
    const { queueBytesMax, queueAgeMaxMs } = this.#options;
    const limits = { queueBytesMax, queueAgeMaxMs: this.#clockWatch.isSure ? queueAgeMaxMs : Infinity };
    const kept = await firstSequenceKept(waiting, limits, clock.nowMs(), this.#clockSet, count);
    if (kept <= from) return;
    const held = await count([[from, kept]]);
    // It was sent meanwhile.
    if (this.#sent.seq > from || this.#isClosing) return;
    this.#keptFrom = kept;
    this.#dropped(
      held,
      (points) => `the oldest ${points} points that waited were given up: the queue is past its limits`,
    );
    this.#skip.abort();
    this.#wake();
  }

  #dropped(held: Pick<SequencesHeld, "points" | "bySeries">, sentenceOf: (points: number) => string): void {
    const points = this.#pointsOf(held);
    if (points > 0) this.#lose(points, sentenceOf(points));
  }

  #lose(points: number, sentence: string): void {
    this.#deps.onCount({ dropped: points });
    this.#deps.onLost(sentence, points);
  }

  /** Of series that are sent. */
  #pointsOf(held: Pick<SequencesHeld, "points" | "bySeries">): number {
    const bySource = this.#filter.heldBySource(held, "");
    return [...bySource.values()].reduce((sum, { points }) => sum + points, 0);
  }
}

/** Rows of each lane, as they stand. */
function lanesOf(seriesIds: Uint32Array, lanes: number): Uint32Array[] {
  const ends = new Uint32Array(lanes);
  for (let row = 0; row < seriesIds.length; row++) ends[seriesIds[row] % lanes]++;
  const rows = Array.from(ends, (count) => new Uint32Array(count));
  ends.fill(0);
  for (let row = 0; row < seriesIds.length; row++) {
    const lane = seriesIds[row] % lanes;
    rows[lane][ends[lane]++] = row;
  }
  return rows;
}
