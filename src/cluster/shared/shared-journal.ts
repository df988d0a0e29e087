/**
 * The journal that all nodes share: each has a copy on its own disk, and a stream in Redis gives the order. What is appended is
 * answered once it stands in that order and on this node's disk.
 */
import { Journal } from "../../log/journal.ts";
import type { JournalOpened, JournalSnapshotPage, LogClient } from "../../log/log-client.ts";
import type { Clock } from "../../model/clock.ts";
import { messageOf, WatchpostError } from "../../model/errors.ts";
import { pause } from "../../model/pause.ts";
import type { SpawnWorker } from "../../model/spawn.ts";
import type { NodeRecord, SharedStatePage } from "../../wire/gen/nodes_pb.ts";
import type { Fence } from "../desk-lease.ts";
import type { Redis } from "../redis/redis.ts";
import { journalKeys, type JournalKeys } from "./journal-keys.ts";
import { openReplica, type JournalPlace } from "./open-replica.ts";
import { away, SharedAppender } from "./shared-appender.ts";
import { SharedFollower } from "./shared-follower.ts";
import { SharedReplica } from "./shared-replica.ts";
import { ownStatePages, statePageMessage, statePageOf } from "./state-pages.ts";
import { bringStrays } from "./strays.ts";

export interface SharedJournalDeps {
  /** The data directory: the copy stands in its folder "shared". */
  readonly data: string;
  readonly redis: Redis;
  readonly prefix: string;
  readonly nodeId: string;
  readonly spawn: SpawnWorker;
  readonly clock: Clock;
  /** The journal of this node alone: where it is the first of all nodes, they begin with what it holds. */
  readonly own: LogClient;
  /** Ends an {@link SharedJournal.open} that waits. */
  readonly signal?: AbortSignal;
  readonly graceMs?: number;
  readonly foundAfterMs?: number;
  /** While it is opened with a copy out of a backup: how far that has come, for others that are out of backups, too. */
  onRestored?(place: JournalPlace): void;
  /** Nodes that live, as they wrote themselves down last. Read often. */
  members(): readonly NodeRecord[];
  /** What a member has that has more than this node: {@link readFromMembers}. */
  readSharedState(afterPosition: number, signal: AbortSignal): AsyncIterable<SharedStatePage>;
  onCrash(error: WatchpostError): void;
  onListenerError(error: unknown): void;
  onDamage(sentence: string): void;
  /** What keeps it from being what the other nodes have. */
  onTrouble(sentence: string): void;
  /** What people should know and need do nothing about. */
  onNews(sentence: string): void;
}

const GRACE_MS = 5_000;
/** Members write themselves down once a second. */
const FOUND_AFTER_MS = 2_500;
const READY_WAIT_MS = 2_000;
const RETRY_AFTER_MS = 1_000;
const [SNAPSHOT_WAIT_MS, LOOK_AGAIN_MS] = [10_000, 100];

export class SharedJournal {
  readonly #deps: SharedJournalDeps;
  readonly #keys: JournalKeys;
  readonly #log: LogClient;
  readonly #replica: SharedReplica;
  readonly #follower: SharedFollower;
  readonly #ended = new AbortController();
  readonly #running: Promise<void>;
  #reader: "node" | "backup" | undefined;
  #straysUnderWay: Promise<void> = Promise.resolve();

  private constructor(deps: SharedJournalDeps, keys: JournalKeys, log: LogClient, replica: SharedReplica) {
    const { redis, nodeId, clock, members, onTrouble, onNews, graceMs = GRACE_MS } = deps;
    this.#deps = deps;
    this.#keys = keys;
    this.#log = log;
    this.#replica = replica;
    const { signal } = this.#ended;
    const readState = (afterPosition: number) => this.#othersState(afterPosition);
    const following = { redis, keys, nodeId, replica, clock, graceMs, signal, members, readState, onTrouble, onNews };
    this.#follower = new SharedFollower(following);
    this.#follower.onReady(() => this.#bringStrays());
    this.#running = this.#follower.run();
  }

  /**
   * With a copy of before it waits for Redis for two seconds at most; without one until others have told what there is, or nobody is
   * seen who could. Rejects with FAILED_PRECONDITION where the directory cannot be used, CANCELLED on the signal.
   */
  static async open(deps: SharedJournalDeps): Promise<SharedJournal> {
    const keys = journalKeys(deps.prefix);
    const { signal = new AbortController().signal, foundAfterMs = FOUND_AFTER_MS, graceMs = GRACE_MS } = deps;
    const { onListenerError, onDamage } = deps;
    const { log, firstPosition, head, isEmpty } = await openReplica({ ...deps, keys, signal, foundAfterMs, graceMs });
    log.onCrash((error) => deps.onCrash(error));
    const replica = new SharedReplica({ log, head, firstPosition, onListenerError, onDamage });
    const shared = new SharedJournal(deps, keys, log, replica);
    try {
      const ready = shared.#untilReady(signal);
      await (isEmpty ? ready : Promise.race([ready, pause(READY_WAIT_MS, deps.clock, signal)]));
      return shared;
    } catch (error) {
      await shared.close();
      throw error;
    }
  }

  /** Of all nodes the same. */
  get epoch(): number {
    return this.#replica.head.epoch;
  }

  /** Of the newest transaction that is on this node's disk. */
  get position(): number {
    return this.#replica.head.position;
  }

  /** Why nothing can be appended now, in words; "": it can. */
  get trouble(): string {
    return this.#follower.trouble;
  }

  /**
   * One of any number of journals over the same copy, each with its own appends, in order. With a fence it appends only while
   * the token stands there; once another one does, it takes nothing any more. Close it where it is not needed.
   */
  journal(fence?: Fence): Journal {
    const { redis, nodeId, clock } = this.#deps;
    const id = crypto.randomUUID();
    const appender = this.#appender(id, fence, { redis, nodeId, clock });
    return this.#replica.journal(id, {
      commitJournal: (events, changes) => appender.commit(events, changes),
      refusal: () => appender.refusal(),
    });
  }

  /**
   * Everything that stands in the order when it is called is here, and told, when it resolves. Rejects with UNAVAILABLE where Redis
   * does not tell, CANCELLED on the signal and at the close.
   */
  caughtUp(signal: AbortSignal): Promise<void> {
    return this.#follower.caughtUp(signal);
  }

  /**
   * What this node has, for another one: see `ReadSharedState`. One reader at a time: throws RESOURCE_EXHAUSTED where there is one,
   * and ABORTED where too much changes while it is read.
   */
  async *readState(afterPosition: number): AsyncGenerator<SharedStatePage> {
    if (this.#reader !== undefined) throw this.#isRead();
    this.#reader = "node";
    try {
      for await (const page of ownStatePages(this.#log, afterPosition)) yield statePageMessage(page);
    } finally {
      this.#reader = undefined;
    }
  }

  /**
   * The same for a backup: see {@link LogClient.beginSnapshot}. Waits for a reader there is, and rejects with RESOURCE_EXHAUSTED
   * where that takes more than ten seconds.
   */
  async beginSnapshot(): Promise<JournalOpened> {
    const { clock } = this.#deps;
    const untilMs = clock.monotonicMs() + SNAPSHOT_WAIT_MS;
    while (this.#reader !== undefined) {
      if (clock.monotonicMs() >= untilMs) throw this.#isRead();
      await pause(LOOK_AGAIN_MS, clock, this.#ended.signal);
    }
    this.#reader = "backup";
    return this.#log.beginSnapshot();
  }

  readSnapshot(): Promise<JournalSnapshotPage> {
    return this.#log.readSnapshot();
  }

  /** Idempotent. */
  endSnapshot(): void {
    if (this.#reader !== "backup") return;
    this.#reader = undefined;
    this.#log.endSnapshot();
  }

  /** What is under way rejects with UNAVAILABLE. Close all journals before. Idempotent. */
  async close(): Promise<void> {
    this.#ended.abort();
    await Promise.all([this.#running, this.#straysUnderWay]);
    await this.#log.close();
  }

  #appender(id: string, fence: Fence | undefined, of: Pick<SharedJournalDeps, "redis" | "nodeId" | "clock">) {
    const refusal = () => (this.trouble === "" ? undefined : away(this.trouble));
    const { signal } = this.#ended;
    return new SharedAppender({ ...of, id, fence, keys: this.#keys, replica: this.#replica, signal, refusal });
  }

  #isRead(): WatchpostError {
    const whose = this.#reader === "backup" ? "copied into a backup" : "read by another node";
    const message = `the shared journal is being ${whose} already`;
    return new WatchpostError("RESOURCE_EXHAUSTED", message, { retryAfterMs: RETRY_AFTER_MS });
  }

  async *#othersState(afterPosition: number) {
    for await (const message of this.#deps.readSharedState(afterPosition, this.#ended.signal))
      yield statePageOf(message);
  }

  #untilReady(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(new WatchpostError("CANCELLED", "the shared journal is not waited for any more"));
      if (signal.aborted) return onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      const end = this.#follower.onReady(() => {
        end();
        signal.removeEventListener("abort", onAbort);
        resolve();
      });
    });
  }

  #bringStrays(): void {
    this.#straysUnderWay = this.#straysUnderWay.then(async () => {
      const { redis, nodeId, clock, onTrouble } = this.#deps;
      const appender = this.#appender(crypto.randomUUID(), undefined, { redis, nodeId, clock });
      try {
        const count = await bringStrays(this.#log, (events) => appender.commit(events, []));
        const why = "their positions were given to others while this node was down and Redis had lost them";
        if (count > 0)
          onTrouble(`${count} events of the shared journal were of this node alone, and are in it as new ones: ${why}`);
      } catch (error) {
        if (!this.#ended.signal.aborted)
          onTrouble(`events of this node alone cannot be brought yet: ${messageOf(error)}`);
      }
    });
  }
}
