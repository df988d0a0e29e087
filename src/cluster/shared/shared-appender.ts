/**
 * Commits of one {@link Journal} to the shared one: through Redis into the order of all, and answered once this node has
 * applied them. One at a time. What Redis was asked and did not answer is settled before anything else is sent.
 */
import type { Clock } from "../../model/clock.ts";
import { type ErrorDetails, messageOf, WatchpostError } from "../../model/errors.ts";
import { nothingWritten } from "../../model/nothing-written.ts";
import type { DocumentChange, JournalEvent } from "../../model/journal.ts";
import type { Fence } from "../desk-lease.ts";
import type { Redis } from "../redis/redis.ts";
import type { JournalKeys } from "./journal-keys.ts";
import { append, type AppendAnswer, settle } from "./journal-scripts.ts";
import { newLink } from "./new-link.ts";
import type { CommitOutcome, PendingCommit } from "./pending-commits.ts";
import type { SharedReplica } from "./shared-replica.ts";
import { encodeTransaction, positionsOf } from "./shared-transaction.ts";

export interface AppenderDeps {
  readonly redis: Redis;
  readonly keys: JournalKeys;
  readonly nodeId: string;
  /** Begins the ids of its transactions. Of all appenders of all nodes its own. */
  readonly id: string;
  readonly fence: Fence | undefined;
  readonly replica: SharedReplica;
  readonly clock: Clock;
  /** Ends whatever waits. */
  readonly signal: AbortSignal;
  /** Why nothing can be appended now; undefined: it can. */
  refusal(): WatchpostError | undefined;
}

/** How long a commit waits at most for a Redis that comes and goes: whether it came is not known until then. */
const UNKNOWN_WAIT_MS = 10_000;
/** The same for one that stays away: a connection that is made anew is there by then. */
const AWAY_WAIT_MS = 4_000;
const LOOK_AGAIN_MS = 50;
const RETRY_AFTER_MS = 1_000;

export class SharedAppender {
  readonly #deps: AppenderDeps;
  #attempt = 0;
  /** The last attempt may come yet. */
  #isOpen = false;
  #lost: WatchpostError | undefined;

  constructor(deps: AppenderDeps) {
    this.#deps = deps;
  }

  refusal(): WatchpostError | undefined {
    return this.#lost ?? this.#deps.refusal();
  }

  /** See {@link JournalLog.commitJournal}. */
  async commit(events: readonly JournalEvent[], changes: readonly DocumentChange[]): Promise<number> {
    const { clock } = this.#deps;
    const untilMs = clock.monotonicMs() + UNKNOWN_WAIT_MS;
    for (;;) {
      const refusal = this.refusal();
      if (refusal !== undefined) throw refusal;
      if (this.#isOpen) await this.#settle();
      const outcome = await this.#try(events, changes, untilMs);
      if (outcome !== "lost") return outcome;
      if (clock.monotonicMs() >= untilMs) throw away("Redis has lost it");
    }
  }

  async #try(
    events: readonly JournalEvent[],
    changes: readonly DocumentChange[],
    untilMs: number,
  ): Promise<CommitOutcome> {
    const { nodeId, replica } = this.#deps;
    const id = `${this.#deps.id}:${++this.#attempt}`;
    const transaction = encodeTransaction({ nodeId, id, events, changes });
    const pending = replica.pending.add(id, events);
    try {
      const answer = await this.#send(transaction, positionsOf(events));
      if (answer === undefined) this.#isOpen = true;
      else if (answer.kind === "ok") {
        pending.at(answer.position);
        replica.recheck();
      } else throw this.#refused(answer.kind);
      return await this.#settled(pending, untilMs);
    } finally {
      pending.forget();
    }
  }

  /** undefined: whether it came is not known. */
  async #send(transaction: Uint8Array, positions: number): Promise<AppendAnswer | undefined> {
    const { redis, keys, id, fence, replica } = this.#deps;
    const { epoch, position: knownPosition } = replica.head;
    const what = { epoch, knownPosition, appender: id, attempt: this.#attempt, positions, link: newLink(), fence };
    try {
      return await append(redis, keys, { ...what, transaction });
    } catch (error) {
      const status = error instanceof WatchpostError ? error.status : "UNKNOWN";
      if (status === "UNAVAILABLE") return undefined;
      throw status === "RESOURCE_EXHAUSTED" ? error : away(messageOf(error));
    }
  }

  /** Waits for what becomes of an attempt. While it stands in the order it is waited for, otherwise until `untilMs`. */
  async #settled(pending: PendingCommit, untilMs: number): Promise<CommitOutcome> {
    const { clock, signal } = this.#deps;
    let awayFromMs: number | undefined;
    for (;;) {
      const outcome = await inTime(pending.outcome, LOOK_AGAIN_MS, clock);
      if (outcome !== undefined) {
        if (outcome !== "lost") this.#isOpen = false;
        return outcome;
      }
      if (signal.aborted) throw new WatchpostError("UNAVAILABLE", "the journal is closed: the server is stopping");
      const nowMs = clock.monotonicMs();
      const isAway = this.#deps.refusal() !== undefined;
      awayFromMs = isAway ? (awayFromMs ?? nowMs) : undefined;
      if (nowMs >= Math.min(untilMs, (awayFromMs ?? nowMs) + AWAY_WAIT_MS) && isAway)
        throw away("whether it came before is not known");
      if (isAway || !this.#isOpen) continue;
      const position = await this.#settle().catch(() => "unknown" as const);
      if (position === "unknown") continue;
      // Nobody sends it any more; but it may have come, and Redis have forgotten that since.
      if (position === undefined) return Promise.race([pending.outcome, "lost" as const]);
      pending.at(position);
      this.#deps.replica.recheck();
    }
  }

  /** A position up to which the last attempt came; undefined: it did not, and does not any more. */
  async #settle(): Promise<number | undefined> {
    const { redis, keys, id } = this.#deps;
    const position = await settle(redis, keys, id, this.#attempt);
    this.#isOpen = false;
    return position;
  }

  #refused(kind: Exclude<AppendAnswer["kind"], "ok">): WatchpostError {
    switch (kind) {
      case "moved": {
        const message = "the desk has moved: another node writes what this one wrote for it";
        return (this.#lost = new WatchpostError("FAILED_PRECONDITION", message, nothingWritten));
      }
      case "unheld":
        return away("nobody holds the lease of the desk", nothingWritten);
      case "missing":
      case "behind":
        return away("Redis has lost its place; the nodes are setting it again");
      case "epoch":
        return away("Redis has the journal of other nodes");
      case "settled":
        return away("it was given up before it came");
    }
  }
}

export function away(why: string, details: ErrorDetails = {}): WatchpostError {
  const message = `the journal that the nodes share cannot be written: ${why}`;
  return new WatchpostError("UNAVAILABLE", message, { retryAfterMs: RETRY_AFTER_MS, ...details });
}

/** undefined: it has not settled within that. */
function inTime<T>(promise: Promise<T>, ms: number, clock: Clock): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => resolve(undefined));
    promise.then(resolve, reject).finally(cancel);
  });
}
