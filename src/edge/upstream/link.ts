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
import { WatchpostError } from "../../model/errors.ts";
import type { Frame } from "../../model/frame.ts";
import type { SequenceRange } from "../../model/sequence-ranges.ts";
import type { ForwardedAck } from "../../wire/gen/forwarding_pb.ts";
import { BacklogSender } from "./backlog-sender.ts";
import { watchBehind } from "./behind-watch.ts";
import type { DownSampler } from "./down-sampler.ts";
import { Lane, type ForwardedInit, type LaneName, type OpenLane, type SentPart } from "./lane.ts";
import { LiveSender } from "./live-sender.ts";
import { PartsUnderway, type PartsUnderwayDeps } from "./parts-underway.ts";
import type { UpstreamStore } from "./upstream-store.ts";

export interface LinkDeps extends PartsUnderwayDeps {
  readonly store: Pick<UpstreamStore, "undelivered">;
  readonly openLane: OpenLane;
  /** Null: points go as they are. */
  readonly sampler: DownSampler | null;
  /** Whether a part waits for the acknowledgement of the one before, at first; so it shows which one is refused. */
  readonly isOneByOne: boolean;
  /** Of what is committed, the next sequence. */
  nextSeq(): number;
  /** Ids of the nodes that this one gets points from. */
  behind(): Promise<readonly string[]>;
  /** What it throws ends the link before anything is sent. */
  onConnected(answer: ForwardedAck): void;
}

/** The receiver may have to end streams of the session before, and waits for its disk. */
const ANSWER_WITHIN_MS = 60_000;
/** After so many that were acknowledged one by one they go as usual. */
const ONE_BY_ONE_PARTS = 100;

export class Link {
  readonly #deps: LinkDeps;
  readonly #hello: ForwardedInit;
  readonly #underway: PartsUnderway;
  readonly #failure = Promise.withResolvers<never>();
  readonly #over = new AbortController();
  #lanes: readonly Lane[] = [];
  #liveSender: LiveSender | undefined;
  #backlogSender: BacklogSender | undefined;
  #oneByOneLeft: number;

  /** `hello`: who sends, in which session. */
  constructor(deps: LinkDeps, hello: ForwardedInit) {
    this.#deps = deps;
    this.#hello = hello;
    this.#underway = new PartsUnderway(deps);
    this.#oneByOneLeft = deps.isOneByOne ? ONE_BY_ONE_PARTS : 0;
    this.#failure.promise.catch(() => {});
  }

  get isOver(): boolean {
    return this.#over.signal.aborted;
  }

  /** Undelivered sequences from here on may be on their way; Infinity: none are. */
  get oldestOnItsWay(): number {
    return Math.min(
      this.#underway.delivering[0]?.[0] ?? Infinity,
      this.#liveSender?.waiting?.[0] ?? Infinity,
      this.#backlogSender?.oldestBeingSent ?? Infinity,
    );
  }

  /** Of the only part on its way that is more than names; null where there is none, or several. */
  get onlyPartOnItsWay(): SequenceRange | null {
    const isMore = ({ isLast, points }: SentPart) => isLast || points > 0;
    const parts = this.#lanes.flatMap(({ partsInFlight }) => partsInFlight.filter(isMore));
    return parts.length === 1 ? parts[0].sequences : null;
  }

  /** Rejects with what ends the link. */
  async run(): Promise<never> {
    const cancelDeadline = this.#deps.clock.after(ANSWER_WITHIN_MS, () => {
      this.#fail(new WatchpostError("DEADLINE_EXCEEDED", `no answer within ${ANSWER_WITHIN_MS / 1_000} seconds`));
    });
    let stopWatching = () => {};
    try {
      const live = this.#openLane("live");
      const answer = await Promise.race([live.answer, this.#failure.promise]);
      const backlog = this.#openLane("backlog");
      await Promise.race([backlog.answer, this.#failure.promise]);
      cancelDeadline();
      this.#deps.onConnected(answer);
      const { behind, clock } = this.#deps;
      stopWatching = watchBehind(this.#hello.behind ?? [], behind, clock, () => {
        const message = "another node forwards here since, of which the upstream is told with a new connection";
        this.#fail(new WatchpostError("ABORTED", message));
      });
      this.#send(live, backlog).catch((error: unknown) => this.#fail(error));
      return await this.#failure.promise;
    } finally {
      cancelDeadline();
      stopWatching();
      this.close();
    }
  }

  /** A committed frame: sent, or left to the backlog. */
  onFrame(frame: Frame): void {
    if (this.#deps.sampler === null && this.#oneByOneLeft === 0) this.#liveSender?.onFrame(frame);
    this.changed();
  }

  /** Something is to be sent, or given up. */
  changed(): void {
    this.#backlogSender?.wake();
  }

  close(): void {
    if (this.isOver) return;
    this.#over.abort();
    this.#liveSender?.close();
    this.#failure.reject(new WatchpostError("CANCELLED", "the link was closed"));
    for (const lane of this.#lanes) lane.close();
  }

  #send(live: Lane, backlog: Lane): Promise<void> {
    const shared = { ...this.#deps, underway: this.#underway, live, backlog };
    const liveSender = new LiveSender({
      ...shared,
      onLeft: () => this.#backlogSender?.newerCame(),
      onFailure: (error) => this.#fail(error),
    });
    this.#liveSender = liveSender;
    const isOneByOne = () => this.#oneByOneLeft > 0;
    this.#backlogSender = new BacklogSender({ ...shared, liveSender, isOneByOne, signal: this.#over.signal });
    return this.#backlogSender.run();
  }

  #openLane(name: LaneName): Lane {
    const lane = new Lane(name, this.#hello, this.#deps.openLane, {
      onAcked: (parts, refused) => {
        this.#oneByOneLeft = Math.max(0, this.#oneByOneLeft - parts.length);
        this.#underway.acked(parts, refused);
      },
      onRoom: () => this.changed(),
      onEnd: (error) => this.#fail(error),
    });
    this.#lanes = [...this.#lanes, lane];
    return lane;
  }

  #fail(error: unknown): void {
    this.#failure.reject(error);
    this.close();
  }
}
