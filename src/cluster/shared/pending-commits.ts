/** Commits of this node that are on their way through Redis, until the order of all has come to them. */
import type { JournalEntry, JournalEvent } from "../../model/journal.ts";

/** The position of the first event, or that the commit is in no order of any node. */
export type CommitOutcome = number | "lost";

export interface PendingCommit {
  readonly outcome: Promise<CommitOutcome>;
  /** It has a position up to there, if any. */
  at(position: number): void;
  /** Nobody waits for it any more. Idempotent. */
  forget(): void;
}

interface Waiting {
  readonly events: readonly JournalEvent[];
  /** undefined: not known yet. */
  last: number | undefined;
  resolve(outcome: CommitOutcome): void;
}

export class PendingCommits {
  readonly #waiting = new Map<string, Waiting>();

  add(id: string, events: readonly JournalEvent[]): PendingCommit {
    const { promise, resolve } = Promise.withResolvers<CommitOutcome>();
    const waiting: Waiting = { events, last: undefined, resolve };
    this.#waiting.set(id, waiting);
    return {
      outcome: promise,
      at: (position) => void (waiting.last = position),
      forget: () => void this.#waiting.delete(id),
    };
  }

  has(id: string): boolean {
    return this.#waiting.has(id);
  }

  /** It is on this node's disk, and told. */
  applied(id: string, firstPosition: number): void {
    this.#settle(id, firstPosition);
  }

  /** The same of an entry that came with the journal of another node, which does not say whose it was. */
  found(entry: JournalEntry): void {
    for (const [id, { events }] of this.#waiting) {
      if (events.length > 0 && isEqual(events[0], entry)) return this.#settle(id, entry.position);
    }
  }

  /** All up to here is told: what should have been among it is lost. */
  passed(position: number): void {
    for (const [id, { last }] of this.#waiting) {
      if (last !== undefined && last <= position) this.#settle(id, "lost");
    }
  }

  #settle(id: string, outcome: CommitOutcome): void {
    this.#waiting.get(id)?.resolve(outcome);
    this.#waiting.delete(id);
  }
}

function isEqual(event: JournalEvent, entry: JournalEntry): boolean {
  const cells = ({ atMs, kind, subject, actor, payload }: JournalEvent) => [atMs, kind, subject, actor, payload];
  return JSON.stringify(cells(event)) === JSON.stringify(cells(entry));
}
