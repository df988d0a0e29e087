/** Store-and-forward: what this node stored goes to another one, over outages of any length. The queue is the store itself. */
import type { Bus } from "../../bus/bus.ts";
import { backoffMs, type BackoffOptions } from "../../model/backoff.ts";
import type { Clock } from "../../model/clock.ts";
import { messageOf, WatchpostError } from "../../model/errors.ts";
import type { DocumentQuery, StoredDocument } from "../../model/journal.ts";
import type { SeriesMatcher } from "../../model/matcher.ts";
import type { SeriesRegistry } from "../../model/series-registry.ts";
import { sequencesWithin, type SequenceRanges } from "../../model/sequence-ranges.ts";
import type { ForwardedAck } from "../../wire/gen/forwarding_pb.ts";
import { Bandwidth } from "./bandwidth.ts";
import { DeliveryLedger, OTHER_SOURCES, type SourceCounts } from "./delivery-ledger.ts";
import type { LaneName, OpenLane } from "./lane.ts";
import { Link } from "./link.ts";
import { DownSampler, type DownSampling } from "./down-sampler.ts";
import type { EventCall } from "./event-calls.ts";
import { firstSequenceKept, type QueueLimits } from "./queue-limits.ts";
import { Rate } from "./rate.ts";
import { SeriesFilter } from "./series-filter.ts";
import { UpstreamEvents, type EventsJournal } from "./upstream-events.ts";
import { UpstreamState, type StateJournal } from "./upstream-state.ts";
import type { SequencesHeld } from "../../store/backlog-protocol.ts";
import type { UpstreamStore } from "./upstream-store.ts";

export interface UpstreamOptions extends QueueLimits {
  readonly address: string;
  /** What the upstream calls this node. */
  readonly name: string;
  /** Infinity: no bound. */
  readonly bytesPerS: number;
  /** Which series go upstream; undefined: all. */
  readonly matcher: SeriesMatcher | undefined;
  /** Undefined: points go as they are. */
  readonly downSampling: DownSampling | undefined;
  /** Between attempts to connect. */
  readonly backoff: BackoffOptions;
}

/** How events travel. */
export interface EventsDeps {
  readonly journal: EventsJournal;
  call(call: EventCall): Promise<void>;
}

export interface UpstreamDeps {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly journal: StateJournal & { documents(query: DocumentQuery): Promise<readonly StoredDocument[]> };
  readonly registry: SeriesRegistry;
  readonly store: UpstreamStore;
  readonly openLane: OpenLane;
  /** Undefined: events do not travel. */
  readonly events: EventsDeps | undefined;
  /** The next sequence that will be committed, at the start. */
  readonly nextSeq: number;
  /** Uniform in [0, 1). */
  random(): number;
  nodeId(): Promise<string>;
  /** Ids of the nodes that this one gets points from. */
  behind(): Promise<readonly string[]>;
  onConnected(sentence: string): void;
  /** It goes on by itself. */
  onTrouble(sentence: string): void;
  /** Points are lost for the upstream. */
  onDropped(sentence: string, points: number): void;
  /** For metrics. */
  onCount?(counts: UpstreamCounts): void;
}

/** What has been since the count before. */
export interface UpstreamCounts {
  /** Acknowledged, refused ones not among them. */
  readonly delivered?: number;
  readonly refused?: number;
  readonly dropped?: number;
  readonly bytes?: Partial<Record<LaneName, number>>;
  readonly connects?: number;
}

export type UpstreamPhase = "connecting" | "connected" | "waiting" | "stopped";

export interface UpstreamStatus {
  readonly phase: UpstreamPhase;
  readonly sinceMs: number;
  /** Of the last attempt; "" while connected. */
  readonly lastError: string;
  readonly nextAttemptMs: number | null;
  readonly undelivered: SequenceRanges;
  readonly held: SequencesHeld;
  /** Of these, points that are wanted upstream. */
  readonly queuedPoints: number;
  readonly rate: { readonly points: number; readonly bytes: number };
  readonly sources: ReadonlyMap<string, Readonly<SourceCounts>>;
  readonly queuedBySource: ReadonlyMap<string, number>;
  readonly receiverId: string;
}

const TELL_STORE_MS = 200;
const LIMITS_EVERY_MS = 10_000;

export class Upstream {
  readonly options: UpstreamOptions;
  readonly #deps: UpstreamDeps;
  readonly #state: UpstreamState;
  readonly #ledger: DeliveryLedger;
  readonly #filter: SeriesFilter;
  readonly #rate: Rate;
  readonly #over = new AbortController();
  #nextSeq: number;
  #link: Link | undefined;
  #phase: UpstreamPhase = "connecting";
  #sinceMs: number;
  #lastError = "";
  #nextAttemptMs: number | null = null;
  #attempt = 0;
  #isTelling = false;
  #running: Promise<void> = Promise.resolve();
  #cancelLimits: () => void = () => {};
  readonly #events: UpstreamEvents | undefined;

  private constructor(options: UpstreamOptions, deps: UpstreamDeps, state: UpstreamState, ledger: DeliveryLedger) {
    this.options = options;
    this.#deps = deps;
    this.#state = state;
    this.#ledger = ledger;
    this.#filter = new SeriesFilter(deps.registry, options.matcher);
    this.#nextSeq = deps.nextSeq;
    this.#rate = new Rate(deps.clock.monotonicMs());
    this.#sinceMs = deps.clock.nowMs();
    this.#events = deps.events && this.#eventsOf(deps.events);
  }

  /** Reads what was delivered before, and begins to connect. To be closed before the journal and the store are. */
  static async open(options: UpstreamOptions, deps: UpstreamDeps): Promise<Upstream> {
    const { journal, clock } = deps;
    const ledger = await DeliveryLedger.read(journal);
    const onTrouble = (sentence: string, error: unknown) => deps.onTrouble(`${sentence}: ${messageOf(error)}`);
    const state = await UpstreamState.read({ journal, ledger, clock, onTrouble });
    const upstream = new Upstream(options, deps, state, ledger);
    upstream.#start();
    return upstream;
  }

  get isConnected(): boolean {
    return this.#phase === "connected";
  }

  /** Events that the upstream has not heard of, those that it is not told of among them. */
  get queuedEvents(): number {
    return this.#events?.queued ?? 0;
  }

  async status(): Promise<UpstreamStatus> {
    const undelivered = sequencesWithin(this.#state.undelivered, 0, this.#nextSeq);
    const held = await this.#deps.store.countUndelivered(undelivered);
    const queuedBySource = new Map<string, number>();
    held.bySeries?.seriesIds.forEach((id, i) => {
      if (!this.#filter.passes(id)) return;
      const source = this.#filter.sourceOf(id);
      queuedBySource.set(source, (queuedBySource.get(source) ?? 0) + held.bySeries!.points[i]);
    });
    const queuedPoints = held.bySeries === null ? held.points : [...queuedBySource.values()].reduce((a, b) => a + b, 0);
    return {
      ...{ phase: this.#phase, sinceMs: this.#sinceMs, lastError: this.#lastError, nextAttemptMs: this.#nextAttemptMs },
      ...{ undelivered, held, queuedPoints, queuedBySource, sources: this.#ledger.sources() },
      rate: this.#rate.perSecond(this.#deps.clock.monotonicMs()),
      receiverId: this.#state.receiverId,
    };
  }

  /** Sends what is stored of event times in [fromUs, toUs) again. Resolves once it is sure that it will be. */
  async resend(fromUs: number, toUs: number): Promise<{ readonly ranges: SequenceRanges; readonly points: number }> {
    const { store } = this.#deps;
    const ranges = await store.sequencesOf(fromUs, toUs);
    await this.#state.resend(ranges);
    this.#tellStore();
    this.#link?.changed();
    return { ranges, points: (await store.countUndelivered(ranges)).points };
  }

  /** Retention took stored points that the upstream has not got. */
  lost(points: number): void {
    this.#dropped(OTHER_SOURCES, points);
    this.#state.giveUp([]).catch((error: unknown) => {
      this.#deps.onTrouble(`what retention took cannot be written into the ledger: ${messageOf(error)}`);
    });
    this.#deps.onDropped(`retention took ${points} points before the upstream had them`, points);
  }

  /** What is on its way is sent again after the next start, unless it has arrived. Idempotent. */
  async close(): Promise<void> {
    if (this.#over.signal.aborted) return this.#running;
    this.#over.abort();
    this.#cancelLimits();
    this.#link?.close();
    this.#events?.close();
    await this.#running;
    this.#turn("stopped");
    await this.#state.close();
  }

  #start(): void {
    const unsubscribe = this.#deps.bus.subscribe((frame) => {
      this.#nextSeq = frame.seq + 1;
      this.#link?.onFrame(frame);
      this.#link?.changed();
    });
    this.#tellStore();
    this.#running = this.#run().finally(unsubscribe);
    this.#limitSoon();
  }

  async #run(): Promise<void> {
    const { clock, random, onTrouble } = this.#deps;
    for (;;) {
      this.#turn("connecting");
      this.#attempt++;
      try {
        await this.#connect();
      } catch (error) {
        if (this.#over.signal.aborted) return;
        const failure = error instanceof WatchpostError ? error : undefined;
        const waitMs = Math.max(backoffMs(this.#attempt, random(), this.options.backoff), failure?.retryAfterMs ?? 0);
        const told = `${this.options.address}: ${messageOf(error)}`;
        if (told !== this.#lastError) onTrouble(`the upstream cannot be reached: ${told}`);
        this.#lastError = told;
        this.#nextAttemptMs = clock.nowMs() + waitMs;
        this.#turn("waiting");
        await this.#pause(waitMs);
        this.#nextAttemptMs = null;
      }
      if (this.#over.signal.aborted) return;
    }
  }

  async #connect(): Promise<never> {
    const { nodeId, behind, clock, openLane, registry, store, onCount } = this.#deps;
    const originId = await nodeId();
    const session = BigInt(await this.#state.beginSession());
    const hello = { originId, originName: this.options.name, session, sinceSession: session };
    const { bytesPerS, downSampling } = this.options;
    const sampler =
      downSampling === undefined ? null : new DownSampler(downSampling, (query, o) => store.range(query, o));
    const bandwidth = new Bandwidth(bytesPerS, clock.monotonicMs());
    const deps = {
      ...{
        clock,
        registry,
        store,
        state: this.#state,
        ledger: this.#ledger,
        filter: this.#filter,
        bandwidth,
        openLane,
        sampler,
      },
      nextSeq: () => this.#nextSeq,
      onConnected: (answer: ForwardedAck) => this.#connected(answer),
      onSent: (lane: LaneName, bytes: number) => {
        this.#rate.add(0, bytes, clock.monotonicMs());
        onCount?.({ bytes: { [lane]: bytes } });
      },
      onDelivered: (points: number, refused: number) => {
        this.#attempt = 0;
        this.#rate.add(points, 0, clock.monotonicMs());
        this.#tellStore();
        onCount?.({ delivered: points - refused, refused });
      },
    };
    const link = new Link(deps, { ...hello, behind: [...(await behind())] });
    if (this.#over.signal.aborted) throw new WatchpostError("CANCELLED", "the server is stopping");
    this.#link = link;
    try {
      return await link.run();
    } finally {
      this.#link = undefined;
    }
  }

  #connected({ committed, nodeId, sources }: ForwardedAck): void {
    const before = this.#state.receiverId;
    this.#state.heard(
      nodeId,
      committed.map(({ from, to }) => [Number(from), Number(to)]),
    );
    this.#ledger.adopt(sources);
    this.#tellStore();
    this.#lastError = "";
    this.#turn("connected");
    this.#events?.wake();
    this.#deps.onCount?.({ connects: 1 });
    this.#deps.onConnected(`connected to the upstream ${this.options.address}`);
    if (before === "" || before === nodeId) return;
    this.#deps.onTrouble(
      `the upstream ${this.options.address} is another node than before, or was restored from a backup: ` +
        "what was delivered before is not sent again unless it is asked for with upstream resend",
    );
  }

  /** Soon: what is delivered changes many times a second. */
  #tellStore(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    this.#deps.clock.after(TELL_STORE_MS, () => {
      this.#isTelling = false;
      if (!this.#over.signal.aborted) this.#deps.store.setUndelivered(this.#state.undelivered);
    });
  }

  #limitSoon(): void {
    const { queueBytesMax, queueAgeMaxMs } = this.options;
    if (queueBytesMax === Infinity && queueAgeMaxMs === Infinity) return;
    this.#cancelLimits = this.#deps.clock.after(LIMITS_EVERY_MS, () => {
      this.#limit()
        .catch((error: unknown) => this.#deps.onTrouble(`the queue cannot be measured: ${messageOf(error)}`))
        .finally(() => {
          if (!this.#over.signal.aborted) this.#limitSoon();
        });
    });
  }

  /** Gives up the oldest of what is past the limits. */
  async #limit(): Promise<void> {
    const { store, clock } = this.#deps;
    const waiting = () => sequencesWithin(this.#state.fresh, 0, Math.min(this.#nextSeq, this.#oldestOnItsWay()));
    const kept = await firstSequenceKept(waiting(), this.options, clock.nowMs(), (ranges) =>
      store.countUndelivered(ranges),
    );
    const gone = sequencesWithin(waiting(), 0, kept);
    if (gone.length === 0) return;
    const held = await store.countUndelivered(gone);
    const stillGone = sequencesWithin(gone, 0, this.#oldestOnItsWay());
    if (stillGone.length !== gone.length) return;
    for (let i = 0; i < (held.bySeries?.seriesIds.length ?? 0); i++) {
      const id = held.bySeries!.seriesIds[i];
      if (this.#filter.passes(id)) this.#dropped(this.#filter.sourceOf(id), held.bySeries!.points[i]);
    }
    if (held.bySeries === null) this.#dropped(OTHER_SOURCES, held.points);
    await this.#state.giveUp(gone);
    this.#tellStore();
    this.#link?.changed();
    const sentence = `the oldest ${held.points} points that wait for the upstream were given up: the queue is past its limits`;
    this.#deps.onDropped(sentence, held.points);
  }

  #eventsOf({ journal, call }: EventsDeps): UpstreamEvents {
    return new UpstreamEvents({
      ...{ journal, call, state: this.#state, clock: this.#deps.clock, name: this.options.name },
      isConnected: () => this.isConnected,
      onTrouble: this.#deps.onTrouble,
    });
  }

  #dropped(source: string, points: number): void {
    this.#ledger.dropped(source, points);
    this.#deps.onCount?.({ dropped: points });
  }

  #oldestOnItsWay(): number {
    return this.#link?.oldestOnItsWay ?? Infinity;
  }

  #turn(phase: UpstreamPhase): void {
    if (this.#phase !== phase) this.#sinceMs = this.#deps.clock.nowMs();
    this.#phase = phase;
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
