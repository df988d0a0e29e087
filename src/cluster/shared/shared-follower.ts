/**
 * Keeps this node's copy of the shared journal where the order of all is: reads the stream, takes the journal of another node
 * where the stream does not reach, and sets the order again where Redis has lost it.
 */
import type { Clock } from "../../model/clock.ts";
import { messageOf, WatchpostError } from "../../model/errors.ts";
import type { JournalHead } from "../../log/protocol.ts";
import { pause } from "../../model/pause.ts";
import type { NodeRecord } from "../../wire/gen/nodes_pb.ts";
import type { Redis } from "../redis/redis.ts";
import type { JournalKeys } from "./journal-keys.ts";
import { readHead, setBase } from "./journal-scripts.ts";
import { newLink } from "./new-link.ts";
import { away } from "./shared-appender.ts";
import { isBefore, type Place, placeOf } from "./place.ts";
import type { ReadStatePages, SharedReplica } from "./shared-replica.ts";
import { commitsIn, following, type SharedCommit } from "./shared-transaction.ts";

export interface FollowerDeps {
  readonly redis: Redis;
  readonly keys: JournalKeys;
  readonly nodeId: string;
  readonly replica: SharedReplica;
  readonly clock: Clock;
  /** Before a Redis that has lost the journal's place is told it again: until then whoever knows more may come. */
  readonly graceMs: number;
  readonly signal: AbortSignal;
  /** Those that live, with or without this one. */
  members(): readonly NodeRecord[];
  /** Of members that have more than a position, one after the other. */
  readonly readState: ReadStatePages;
  onTrouble(sentence: string): void;
  onNews(sentence: string): void;
}

/**
 * Left out where the order is set again: what Redis and a node that is down had may have been told somebody. So the highest
 * position is of the newest order, whoever comes back.
 */
const POSITIONS_SKIPPED = 1_000_000;
const COMMITS_AT_ONCE = 32;
const WAIT_MS = 1_000;
const LOOK_AGAIN_MS = 100;
const [TOLD_AFTER_FAILURES, TOLD_EVERY_MS] = [3, 10_000];
const [RETRY_MS_MIN, RETRY_MS_MAX] = [50, 1_000];

export class SharedFollower {
  readonly #deps: FollowerDeps;
  readonly #readyListeners = new Set<() => void>();
  #isReady = false;
  #trouble = "Redis was not reached yet";
  #toldTrouble = "";
  #toldAtMs = -Infinity;
  #lostSinceMs: number | undefined;
  #isEstranged = false;
  /** Ends what waits for Redis. */
  #round = new AbortController();

  constructor(deps: FollowerDeps) {
    this.#deps = deps;
  }

  /** Why nothing can be appended; "": it can. */
  get trouble(): string {
    return this.#isReady ? "" : this.#trouble;
  }

  /** Calls once this copy has caught up with the others, each time. Returns what ends it. */
  onReady(listener: () => void): () => void {
    const own = () => listener();
    this.#readyListeners.add(own);
    return () => void this.#readyListeners.delete(own);
  }

  /** Until the signal is aborted. */
  async run(): Promise<void> {
    const { redis, clock, signal } = this.#deps;
    const end = redis.follow((isUp) => {
      if (!isUp) this.#notReady(redis.trouble);
      this.#round.abort();
    });
    signal.addEventListener("abort", () => this.#round.abort(), { once: true });
    for (let failures = 0; !signal.aborted;) {
      this.#round = new AbortController();
      try {
        await this.#once(this.#round.signal);
        failures = 0;
      } catch (error) {
        if (this.#round.signal.aborted) failures = 0;
        else {
          this.#notReady(messageOf(error));
          // One that goes by itself, such as a connection that breaks, is nobody's to know.
          if (redis.isUp && failures >= TOLD_AFTER_FAILURES) this.#tell(messageOf(error));
        }
        await pause(Math.min(RETRY_MS_MIN * 2 ** failures++, RETRY_MS_MAX), clock, signal);
      }
    }
    end();
    this.#notReady("the server is stopping");
  }

  /** Everything that Redis counts when it is called is on this disk and told when it resolves. */
  async caughtUp(signal: AbortSignal): Promise<void> {
    const { redis, keys, replica } = this.#deps;
    const head = await readHead(redis, keys);
    if (head === undefined || head.epoch !== replica.head.epoch) throw away("Redis has lost its place");
    const end = AbortSignal.any([signal, this.#deps.signal]);
    await replica.whenAt(head.position, end);
    if (end.aborted) throw new WatchpostError("CANCELLED", "the shared journal is not waited for any more");
  }

  async #once(round: AbortSignal): Promise<void> {
    const { redis, keys, replica, clock } = this.#deps;
    if (!redis.isUp) {
      this.#notReady(redis.trouble);
      return pause(WAIT_MS, clock, round);
    }
    const known = Math.max(replica.head.position, ...this.#others().map(({ position }) => position));
    const head = await readHead(redis, keys);
    if (head === undefined ? this.#isEstranged : head.epoch !== replica.head.epoch) return this.#leave(head, round);
    this.#isEstranged = false;
    if (head === undefined || head.position < known) return this.#setAgain(head, round);
    this.#lostSinceMs = undefined;
    await this.#catchUp(head);
    if (!this.#isReady) {
      this.#isReady = true;
      this.#toldTrouble = "";
      for (const listener of [...this.#readyListeners]) listener();
    }
    for (;;) {
      const commits = await this.#waitForCommits(round);
      const next = following(replica.head, commits);
      if (next.length > 0) await replica.apply(next);
      if (next.length < commits.length || commits.length === 0) return;
    }
  }

  async #catchUp(head: JournalHead): Promise<void> {
    const { replica, readState, onNews } = this.#deps;
    for (;;) {
      const { position, link } = replica.head;
      if (position === head.position && link === head.link) return;
      if (position > head.position) return;
      const next = position === head.position ? [] : following(replica.head, await this.#readCommits());
      if (next.length > 0) {
        await replica.apply(next);
        continue;
      }
      this.#notReady("this node is behind what Redis keeps of it, and reads it from another node");
      await replica.takeState(readState).catch((error: unknown) => {
        const remedy = `start a node that has it; where there is none any more, delete ${this.#deps.keys.head} in Redis and restart the nodes`;
        throw new WatchpostError("UNAVAILABLE", `${messageOf(error)}; ${remedy}`, { cause: error });
      });
      onNews(`the shared journal was read from another node: from position ${position} to ${replica.head.position}`);
    }
  }

  async #readCommits(): Promise<SharedCommit[]> {
    const { redis, keys, replica } = this.#deps;
    const after = `${replica.head.position}-0`;
    return commitsIn(await redis.call("XREAD", "COUNT", COMMITS_AT_ONCE, "STREAMS", keys.stream, after));
  }

  async #waitForCommits(round: AbortSignal): Promise<SharedCommit[]> {
    const { redis, keys, replica } = this.#deps;
    const after = `${replica.head.position}-0`;
    const parameters = ["COUNT", COMMITS_AT_ONCE, "BLOCK", WAIT_MS, "STREAMS", keys.stream, after];
    return commitsIn(await redis.wait(WAIT_MS, round, "XREAD", ...parameters));
  }

  /** Once the grace is over, the node that has most of it sets the order again. */
  async #setAgain(seen: JournalHead | undefined, round: AbortSignal): Promise<void> {
    const { redis, keys, nodeId, replica, clock, graceMs, onNews } = this.#deps;
    const has = seen === undefined ? "nothing of it" : `position ${seen.position}`;
    this.#notReady(`Redis has ${has}, this node has position ${replica.head.position}: the nodes are setting it again`);
    // A node that has nothing yet cannot say where anything goes on.
    if (replica.isEmpty) return pause(LOOK_AGAIN_MS, clock, round);
    this.#lostSinceMs ??= clock.monotonicMs();
    if (clock.monotonicMs() - this.#lostSinceMs < graceMs) return pause(LOOK_AGAIN_MS, clock, round);
    const { position } = replica.head;
    const isFirst = this.#others().every((other) => isBefore({ nodeId, position }, other));
    if (!isFirst) return pause(LOOK_AGAIN_MS, clock, round);
    const isSet = await setBase(redis, keys, { head: replica.head, seen, skipped: POSITIONS_SKIPPED, link: newLink() });
    if (isSet) onNews(`Redis had ${has} of the shared journal; it goes on behind position ${position} of this node`);
  }

  /** Until a restart it is not one of the nodes, and has no say in what they do. */
  #leave(head: JournalHead | undefined, round: AbortSignal): Promise<void> {
    const { keys, clock, replica } = this.#deps;
    this.#isEstranged = true;
    const which = `${keys.head} has epoch ${head?.epoch ?? "none"}, this node ${replica.head.epoch}`;
    const sentence = `Redis has the journal of other nodes (${which}): a restart of this node joins them and sets its own aside`;
    this.#notReady(sentence);
    this.#tell(sentence);
    return pause(WAIT_MS, clock, round);
  }

  /** That have the same journal. */
  #others(): Place[] {
    const { nodeId, members, replica } = this.#deps;
    const epoch = BigInt(replica.head.epoch);
    const others = members().filter((member) => member.nodeId !== nodeId && member.journalEpoch === epoch);
    return others.map(placeOf);
  }

  #notReady(why: string): void {
    this.#isReady = false;
    this.#trouble = why;
  }

  /** Each once, and one in a while: positions in them change. */
  #tell(sentence: string): void {
    const nowMs = this.#deps.clock.monotonicMs();
    if (this.#toldTrouble === sentence || nowMs - this.#toldAtMs < TOLD_EVERY_MS) return;
    [this.#toldTrouble, this.#toldAtMs] = [sentence, nowMs];
    this.#deps.onTrouble(sentence);
  }
}
