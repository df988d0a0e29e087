/** Alerts and what is known of devices, told to the upstream: the journal from a position on, at least once, in order. */
import type { Clock } from "../../model/clock.ts";
import { messageOf, WatchpostError } from "../../model/errors.ts";
import type { JournalEntry, JournalQuery } from "../../model/journal.ts";
import { callOfEntry, type EventCall } from "./event-calls.ts";
import type { UpstreamState } from "./upstream-state.ts";

export interface EventsJournal {
  readonly firstPosition: number;
  readonly lastPosition: number;
  read(query: JournalQuery): Promise<readonly JournalEntry[]>;
  follow(listener: (entries: readonly JournalEntry[]) => void): () => void;
}

export interface UpstreamEventsDeps {
  readonly journal: EventsJournal;
  readonly state: Pick<UpstreamState, "eventsAfter" | "eventsDelivered">;
  readonly clock: Clock;
  /** What the upstream calls this node. */
  readonly name: string;
  /** Whether the upstream can be asked at present. */
  isConnected(): boolean;
  /** Throws a WatchpostError. */
  call(call: EventCall): Promise<void>;
  onTrouble(sentence: string): void;
}

const PAGE = 200;
const RETRY_AFTER_MS = 1_000;
/** What another attempt may change. */
const PASSES: ReadonlySet<string> = new Set([
  "UNAVAILABLE",
  "UNKNOWN",
  "INTERNAL",
  "CANCELLED",
  "DEADLINE_EXCEEDED",
  "RESOURCE_EXHAUSTED",
  "ABORTED",
  "UNAUTHENTICATED",
  "PERMISSION_DENIED",
]);

export class UpstreamEvents {
  readonly #deps: UpstreamEventsDeps;
  readonly #unfollow: () => void;
  #after: number;
  #isRunning = false;
  /** Something may have come since the journal was read. */
  #hasMore = false;
  #isOver = false;
  #cancel: () => void = () => {};

  /** Begins with what happens from now on where nothing was told before. */
  constructor(deps: UpstreamEventsDeps) {
    const { journal, state } = deps;
    this.#deps = deps;
    this.#after = Math.min(state.eventsAfter ?? journal.lastPosition, journal.lastPosition);
    if (state.eventsAfter === null) state.eventsDelivered(this.#after);
    if (this.#after < journal.firstPosition - 1) {
      deps.onTrouble("events that the upstream has not heard of are no longer kept (retention.journal)");
    }
    this.#unfollow = journal.follow(() => this.wake());
    this.wake();
  }

  /** Entries of any kind that were not looked at. */
  get queued(): number {
    return Math.max(0, this.#deps.journal.lastPosition - this.#after);
  }

  /** There is something new, or the upstream is there again. */
  wake(): void {
    if (this.#isOver || !this.#deps.isConnected()) return;
    this.#hasMore = true;
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#cancel();
    this.#run().catch((error: unknown) => {
      this.#deps.onTrouble(`the upstream is not told of events: ${messageOf(error)}`);
      this.#cancel = this.#deps.clock.after(RETRY_AFTER_MS, () => this.wake());
    });
  }

  close(): void {
    this.#isOver = true;
    this.#unfollow();
    this.#cancel();
  }

  async #run(): Promise<void> {
    try {
      while (this.#hasMore && !this.#isOver && this.#deps.isConnected()) await this.#tellPage();
    } finally {
      this.#isRunning = false;
    }
  }

  async #tellPage(): Promise<void> {
    const { journal, state } = this.#deps;
    this.#hasMore = false;
    const entries = await journal.read({ after: this.#after, limit: PAGE });
    for (const entry of entries) {
      await this.#tell(entry);
      if (this.#isOver) return;
      this.#after = entry.position;
      state.eventsDelivered(this.#after);
    }
    if (entries.length === PAGE) this.#hasMore = true;
  }

  async #tell(entry: JournalEntry): Promise<void> {
    const { name, call, onTrouble } = this.#deps;
    try {
      const wanted = callOfEntry(entry, name);
      if (wanted !== undefined) await call(wanted);
    } catch (error) {
      if (error instanceof WatchpostError && PASSES.has(error.status)) throw error;
      // An alert that is over there already, or a device that it has not heard of.
      if (error instanceof WatchpostError && error.status === "NOT_FOUND") return;
      onTrouble(
        `the upstream refuses event ${entry.position} of ${entry.subject}, which is left out: ${messageOf(error)}`,
      );
    }
  }
}
