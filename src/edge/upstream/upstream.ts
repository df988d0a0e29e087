/** Store-and-forward: what this node stored goes to another one, over outages of any length. The queue is the store itself. */
import { OTHER_SOURCES } from "../../model/limits.ts";
import type { Bus } from "../../bus/bus.ts";
import { backoffMs } from "../../model/backoff.ts";
import type { Clock } from "../../model/clock.ts";
import { messageOf, WatchpostError } from "../../model/errors.ts";
import { Seldom } from "../../model/seldom.ts";
import type { DocumentQuery, StoredDocument } from "../../model/journal.ts";
import type { SeriesRegistry } from "../../model/series-registry.ts";
import { ANY_TIME } from "../../model/time-span.ts";
import {
  intersectionOf,
  sequencesWithin,
  type SequenceRange,
  type SequenceRanges,
} from "../../model/sequence-ranges.ts";
import type { ForwardedAck } from "../../wire/gen/forwarding_pb.ts";
import { Bandwidth } from "./bandwidth.ts";
import { DeliveryLedger } from "./delivery-ledger.ts";
import { connectTrouble, type ConnectTrouble } from "./connect-trouble.ts";
import type { OpenLane } from "./lane.ts";
import { Link, type LinkDeps } from "./link.ts";
import { DownSampler } from "./down-sampler.ts";
import type { EventCall } from "./event-calls.ts";
import { pause } from "../../model/pause.ts";
import { QueueCount } from "./queue-count.ts";
import { QueueKeeper } from "./queue-keeper.ts";
import { Rate } from "./rate.ts";
import { SeriesFilter, type HeldPoints } from "./series-filter.ts";
import type { EventsCursor } from "./events-cursor.ts";
import { UpstreamEvents, type EventsGround, type EventsStatus } from "./upstream-events.ts";
import { UpstreamState, type StateJournal } from "./upstream-state.ts";
import type { SequencesHeld } from "../../store/backlog-protocol.ts";
import type { UpstreamCounts, UpstreamPhase, UpstreamStatus } from "./upstream-status.ts";
import type { UpstreamOptions } from "./upstream-options.ts";
import type { UpstreamStore } from "./upstream-store.ts";

/** How events travel. */
export interface EventsDeps {
  /** Of this server by itself; undefined: what is told, and when, comes by {@link Upstream.tellEvents}. */
  readonly own: Pick<EventsGround, "journal" | "lists"> | undefined;
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
  newId(): string;
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

const TELL_STORE_MS = 200;
const PAST_LIMITS = (points: number) =>
  `the oldest ${points} points that wait for the upstream were given up: the queue is past its limits`;

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
  /** Undefined while connected. */
  #lastTrouble: ConnectTrouble | undefined;
  #nextAttemptMs: number | null = null;
  #attempt = 0;
  #isTelling = false;
  #running: Promise<void> = Promise.resolve();
  readonly #keeper: QueueKeeper;
  readonly #queueCount: QueueCount;
  readonly #refusals: Seldom;
  /** Behind all that this process has sent, or that was committed before it began. */
  #sentTo: number;
  /** A part was refused, and it is not known which. */
  #isOneByOne = false;
  #events: UpstreamEvents | undefined;
  /** Of events that are not this server's by itself. */
  #cursor: EventsCursor | undefined;

  private constructor(options: UpstreamOptions, deps: UpstreamDeps, state: UpstreamState, ledger: DeliveryLedger) {
    this.options = options;
    this.#deps = deps;
    this.#state = state;
    this.#ledger = ledger;
    this.#filter = new SeriesFilter(deps.registry, options.matcher);
    this.#nextSeq = this.#sentTo = deps.nextSeq;
    this.#rate = new Rate(deps.clock.monotonicMs());
    this.#sinceMs = deps.clock.nowMs();
    const own = deps.events?.own;
    if (own !== undefined) this.#events = this.#eventsOf({ ...own, state, name: options.name });
    this.#refusals = new Seldom(deps.clock, deps.onTrouble);
    this.#queueCount = new QueueCount(deps.clock, (ranges) => deps.store.countUndelivered(ranges));
    this.#keeper = new QueueKeeper({
      ...{ clock: deps.clock, limits: options, state, count: (ranges) => deps.store.countUndelivered(ranges) },
      nextSeq: () => this.#nextSeq,
      oldestOnItsWay: () => this.#link?.oldestOnItsWay ?? Infinity,
      giveUp: (ranges, held) => this.#giveUp(ranges, held, PAST_LIMITS),
      onFailure: (error) => deps.onTrouble(`the queue cannot be measured: ${messageOf(error)}`),
    });
  }

  /** Reads what was delivered before, and begins to connect. To be closed before the journal and the store are. */
  static async open(options: UpstreamOptions, deps: UpstreamDeps): Promise<Upstream> {
    const { journal, clock } = deps;
    const ledger = await DeliveryLedger.read(journal);
    const onTrouble = (sentence: string, error: unknown) => deps.onTrouble(`${sentence}: ${messageOf(error)}`);
    const state = await UpstreamState.read({
      journal,
      ledger,
      clock,
      runId: deps.newId(),
      nextSeq: deps.nextSeq,
      onTrouble,
    });
    const upstream = new Upstream(options, deps, state, ledger);
    upstream.#start();
    return upstream;
  }

  get isConnected(): boolean {
    return this.#phase === "connected";
  }

  /** Undefined: events do not travel, or another node tells them. */
  get events(): EventsStatus | undefined {
    return this.#events?.status;
  }

  /** Tells events that several nodes share, until what this returns is called: one of them at a time. */
  tellEvents(ground: Omit<EventsGround, "state" | "name">, cursor: EventsCursor): () => void {
    const events = this.#eventsOf({ ...ground, state: cursor, name: cursor.name });
    [this.#events, this.#cursor] = [events, cursor];
    if (this.isConnected && cursor.receivedBy(this.#state.receiverId)) events.restart();
    return () => {
      events.close();
      if (this.#events === events) this.#events = this.#cursor = undefined;
    };
  }

  async status(): Promise<UpstreamStatus> {
    const { undelivered, held } = await this.#queueCount.of(sequencesWithin(this.#state.undelivered, 0, this.#nextSeq));
    const queuedBySource = this.#filter.heldBySource(held, OTHER_SOURCES);
    const queuedPoints = [...queuedBySource.values()].reduce((sum, { points }) => sum + points, 0);
    return {
      ...{
        phase: this.#phase,
        sinceMs: this.#sinceMs,
        lastTrouble: this.#lastTrouble,
        nextAttemptMs: this.#nextAttemptMs,
      },
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

  /** Retention took stored points that the upstream has not got. Those of series that are not forwarded are none of them. */
  lost(held: Pick<SequencesHeld, "points" | "bySeries">): void {
    const sentence = (points: number) => `retention took ${points} points before the upstream had them`;
    this.#giveUp([], held, sentence).catch((error: unknown) => {
      this.#deps.onTrouble(`what retention took cannot be written into the ledger: ${messageOf(error)}`);
    });
  }

  /** What is on its way is sent again after the next start, unless it has arrived. Idempotent. */
  async close(): Promise<void> {
    if (this.#over.signal.aborted) return this.#running;
    this.#over.abort();
    this.#keeper.close();
    this.#link?.close();
    this.#events?.close();
    await this.#running;
    // What is sealed at the end is cut where it is delivered: else all of a block counts as lost, should retention take it.
    this.#deps.store.setUndelivered(this.#state.undelivered);
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
  }

  async #run(): Promise<void> {
    const { clock, random, onTrouble } = this.#deps;
    const { signal } = this.#over;
    while (!signal.aborted) {
      this.#turn("connecting");
      this.#attempt++;
      try {
        await this.#connect();
      } catch (error) {
        if (signal.aborted) return;
        const trouble = connectTrouble(error, this.options.address);
        const waitMs = Math.max(backoffMs(this.#attempt, random(), this.options.backoff), trouble.retryAfterMs);
        if (trouble.error !== this.#lastTrouble?.error) onTrouble(trouble.sentence);
        this.#lastTrouble = trouble;
        this.#nextAttemptMs = clock.nowMs() + waitMs;
        this.#turn("waiting");
        await pause(waitMs, clock, signal);
        this.#nextAttemptMs = null;
      }
    }
  }

  /** Rejects with what ends the connection, after what can be done about it. */
  async #connect(): Promise<void> {
    const nodeId = await this.#deps.nodeId();
    const { originId, session, runs } = await this.#state.beginSession(nodeId, this.#nextSeq);
    const hello = { originId, originName: this.options.name, session, sinceSession: session, runs };
    const link = new Link(this.#linkDeps(), { ...hello, behind: [nodeId, ...(await this.#deps.behind())] });
    if (this.#over.signal.aborted) return;
    this.#link = link;
    try {
      await link.run();
    } catch (error) {
      if (error instanceof WatchpostError && !this.#over.signal.aborted) {
        await this.#answerRefusal(error, link.onlyPartOnItsWay);
      }
      throw error;
    } finally {
      this.#link = undefined;
    }
  }

  #linkDeps(): LinkDeps {
    const { clock, openLane, registry, store, behind, onCount } = this.#deps;
    const { bytesPerS, downSampling } = this.options;
    const sampler =
      downSampling === undefined ? null : new DownSampler(downSampling, (query, o) => store.range(query, o));
    return {
      ...{ clock, registry, store, openLane, sampler, behind, isOneByOne: this.#isOneByOne },
      ...{ state: this.#state, ledger: this.#ledger, filter: this.#filter },
      bandwidth: new Bandwidth(bytesPerS, clock.monotonicMs()),
      nextSeq: () => this.#nextSeq,
      onConnected: (answer) => this.#connected(answer),
      onSent: (lane, bytes, end) => {
        this.#sentTo = Math.max(this.#sentTo, end);
        this.#rate.add(0, bytes, clock.monotonicMs());
        onCount?.({ bytes: { [lane]: bytes } });
      },
      onUnreadable: (points) => this.#dropped(OTHER_SOURCES, { points, times: ANY_TIME }),
      onDelivered: (points, refusals) => {
        this.#attempt = 0;
        this.#rate.add(points, 0, clock.monotonicMs());
        this.#tellStore();
        const refused = refusals.reduce((sum, each) => sum + Number(each.points), 0);
        onCount?.({ delivered: points - refused, refused });
        for (const { source, points: count, reason } of refusals) {
          this.#refusals.say(() => `the upstream refuses ${count} points of ${JSON.stringify(source)}: ${reason}`);
        }
      },
    };
  }

  /** Changes what the next attempt would be refused for. `part`: the only one on its way. */
  async #answerRefusal({ status, message }: WatchpostError, part: SequenceRange | null): Promise<void> {
    if (status === "ALREADY_EXISTS") return this.#becomeAnother();
    if (status !== "INVALID_ARGUMENT") return;
    const isKnown = this.#isOneByOne && part !== null;
    this.#isOneByOne = !isKnown;
    if (!isKnown) return;
    const ranges = intersectionOf(this.#state.undelivered, [part]);
    const held = await this.#deps.store.countUndelivered(ranges);
    await this.#giveUp(
      ranges,
      held,
      (points) => `${points} points were given up, since the upstream refuses them: ${message}`,
    );
  }

  /**
   * The upstream has heard of sequences that this process has not sent: there is a copy of this node, or it was rolled back
   * to an older state of its disk. So sequences are given twice, and what is new would be taken for what was delivered.
   */
  async #becomeAnother(): Promise<void> {
    await this.#state.becomeOrigin(this.#deps.newId(), this.#nextSeq);
    this.#deps.onTrouble(
      `the upstream ${this.options.address} has heard more of this node than it has sent: its data directory was copied, ` +
        "or rolled back to a snapshot; from now on it forwards as a new node, under the same name",
    );
  }

  #connected({ committed, nodeId, sources }: ForwardedAck): void {
    const { address } = this.options;
    const ranges = committed.map(({ from, to }): SequenceRange => [Number(from), Number(to)]);
    if ((ranges.at(-1)?.[1] ?? 0) > this.#sentTo) {
      throw new WatchpostError("ALREADY_EXISTS", `sequences up to ${ranges.at(-1)![1]} of this node are there already`);
    }
    const before = this.#state.receiverId;
    const lost = this.#state.heard(nodeId, ranges, this.#nextSeq);
    this.#ledger.adopt(sources);
    this.#tellStore();
    this.#lastTrouble = undefined;
    this.#turn("connected");
    const isOther = this.#cursor?.receivedBy(nodeId) ?? (before !== "" && before !== nodeId);
    if (isOther) this.#events?.restart();
    else this.#events?.wake();
    this.#deps.onCount?.({ connects: 1 });
    this.#deps.onConnected(`connected to the upstream ${address}`);
    if (lost.length === 0) return;
    const sequences = lost.reduce((sum, [from, to]) => sum + to - from, 0);
    this.#deps.onTrouble(
      `the upstream ${address} no longer has what it acknowledged (it was restored from a backup, or set up anew): ` +
        `${sequences} sequences of the log go there again`,
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

  /** Of what is held, points that are wanted upstream are lost for it. */
  async #giveUp(
    ranges: SequenceRanges,
    held: Pick<SequencesHeld, "points" | "bySeries">,
    sentenceOf: (points: number) => string,
  ): Promise<void> {
    const bySource = [...this.#filter.heldBySource(held, OTHER_SOURCES)];
    const points = bySource.reduce((sum, [, each]) => sum + each.points, 0);
    for (const [source, each] of bySource) this.#dropped(source, each);
    if (points > 0) this.#deps.onDropped(sentenceOf(points), points);
    if (ranges.length > 0 || points > 0) await this.#state.giveUp(ranges);
    this.#tellStore();
    this.#link?.changed();
  }

  #eventsOf(ground: EventsGround): UpstreamEvents {
    const { clock, events } = this.#deps;
    return new UpstreamEvents({
      ...{ ...ground, clock, call: async (call) => events?.call(call) },
      random: () => this.#deps.random(),
      isConnected: () => this.isConnected,
      onTrouble: this.#deps.onTrouble,
    });
  }

  #dropped(source: string, held: HeldPoints): void {
    this.#ledger.dropped(source, held);
    this.#deps.onCount?.({ dropped: held.points });
  }

  #turn(phase: UpstreamPhase): void {
    // Attempts come and go: what counts is since when there is a connection, or none.
    const isOther = phase === "stopped" || (phase === "connected") !== this.isConnected;
    if (isOther) this.#sinceMs = this.#deps.clock.nowMs();
    this.#phase = phase;
  }
}
