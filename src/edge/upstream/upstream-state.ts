/**
 * What of this node the upstream has not got: sets of log sequences, kept as a document. The document may lag behind: what
 * it holds too much of, the receiver says it has when a stream begins. So it is written rarely, which spares flash.
 */
import type { Clock } from "../../model/clock.ts";
import type { DocumentChange, JournalEvent, StoredDocument } from "../../model/journal.ts";
import {
  withoutSequences,
  withSequences,
  type SequenceRange,
  type SequenceRanges,
} from "../../model/sequence-ranges.ts";
import type { DeliveryLedger } from "./delivery-ledger.ts";

export interface StateJournal {
  document(collection: string, key: string): Promise<StoredDocument | undefined>;
  append(events: readonly JournalEvent[], changes?: readonly DocumentChange[]): Promise<unknown>;
}

export interface UpstreamStateDeps {
  readonly journal: StateJournal;
  readonly ledger: DeliveryLedger;
  readonly clock: Clock;
  onTrouble(sentence: string, error: unknown): void;
}

type StoredRange = readonly [from: number, to: number | null];

interface StoredState {
  readonly session: number;
  readonly fresh: readonly StoredRange[];
  readonly again: readonly StoredRange[];
  readonly eventsAfter: number | null;
  readonly receiverId: string;
}

const COLLECTION = "upstream";
const KEY = "state";
const SAVE_AFTER_MS = 5_000;
/** What was acknowledged is told again by the receiver. What was given up is written at once. */
const LEDGER_EVERY_MS = 60_000;
/** What is stored already goes upstream, too. */
const NEW: StoredState = { session: 0, fresh: [[0, null]], again: [], eventsAfter: null, receiverId: "" };

export class UpstreamState {
  readonly #deps: UpstreamStateDeps;
  #session: number;
  #fresh: SequenceRanges;
  #again: SequenceRanges;
  #eventsAfter: number | null;
  #receiverId: string;
  #cancelSave: (() => void) | undefined;
  #ledgerDueMs = 0;

  private constructor(deps: UpstreamStateDeps, stored: StoredState) {
    this.#deps = deps;
    this.#session = stored.session;
    this.#fresh = stored.fresh.map(rangeOf);
    this.#again = stored.again.map(rangeOf);
    this.#eventsAfter = stored.eventsAfter;
    this.#receiverId = stored.receiverId;
  }

  static async read(deps: UpstreamStateDeps): Promise<UpstreamState> {
    return new UpstreamState(deps, await storedState(deps.journal));
  }

  /** Never acknowledged. The last range has no end: what will be committed is among it. */
  get fresh(): SequenceRanges {
    return this.#fresh;
  }

  /** Acknowledged, and asked for again. */
  get again(): SequenceRanges {
    return this.#again;
  }

  get undelivered(): SequenceRanges {
    return unionOf(this.#fresh, this.#again);
  }

  /** The last event of the journal that the upstream has heard of; null: it has heard of none. */
  get eventsAfter(): number | null {
    return this.#eventsAfter;
  }

  /** Of the receiver that was heard last; "": none was. */
  get receiverId(): string {
    return this.#receiverId;
  }

  /** A number that no stream had before; written before it is told to anybody. Rejects as the journal does. */
  async beginSession(): Promise<number> {
    this.#session++;
    await this.#write();
    return this.#session;
  }

  delivered([from, to]: SequenceRange, isResend: boolean): void {
    if (isResend) this.#again = withoutSequences(this.#again, from, to);
    else this.#fresh = withoutSequences(this.#fresh, from, to);
    this.#saveSoon();
  }

  /** What the receiver has. */
  heard(receiverId: string, committed: SequenceRanges): void {
    this.#receiverId = receiverId;
    for (const [from, to] of committed) this.#fresh = withoutSequences(this.#fresh, from, to);
    this.#saveSoon();
  }

  eventsDelivered(position: number): void {
    this.#eventsAfter = position;
    this.#saveSoon();
  }

  /** Resolves once it is sure that these will be sent again. Rejects as the journal does. */
  async resend(ranges: SequenceRanges): Promise<void> {
    for (const [from, to] of ranges) this.#again = withSequences(this.#again, from, to);
    // What was never sent is sent anyway.
    for (const [from, to] of this.#fresh) this.#again = withoutSequences(this.#again, from, to);
    await this.#write();
  }

  /** These are not sent. Resolves once that is kept, with what the ledger says of it. */
  async giveUp(ranges: SequenceRanges): Promise<void> {
    for (const [from, to] of ranges) this.#fresh = withoutSequences(this.#fresh, from, to);
    this.#ledgerDueMs = 0;
    await this.#write();
  }

  async close(): Promise<void> {
    this.#ledgerDueMs = 0;
    await this.#write();
  }

  async #write(): Promise<void> {
    const { journal, ledger, clock } = this.#deps;
    this.#cancelSave?.();
    this.#cancelSave = undefined;
    const isLedgerDue = clock.monotonicMs() >= this.#ledgerDueMs;
    if (isLedgerDue) this.#ledgerDueMs = clock.monotonicMs() + LEDGER_EVERY_MS;
    const value = JSON.stringify({
      session: this.#session,
      fresh: this.#fresh,
      again: this.#again,
      eventsAfter: this.#eventsAfter,
      receiverId: this.#receiverId,
    });
    const changes = isLedgerDue ? ledger.takeChanges() : [];
    try {
      await journal.append([], [{ collection: COLLECTION, key: KEY, sort: 0, value }, ...changes]);
    } catch (error) {
      ledger.notWritten(changes);
      this.#ledgerDueMs = 0;
      throw error;
    }
  }

  #saveSoon(): void {
    this.#cancelSave ??= this.#deps.clock.after(SAVE_AFTER_MS, () => {
      this.#cancelSave = undefined;
      this.#write().catch((error: unknown) => {
        this.#deps.onTrouble("what the upstream has got cannot be written down", error);
        this.#saveSoon();
      });
    });
  }
}

/** What was undelivered when it was written last; for the store, before anything is merged. */
export async function storedUndelivered(journal: Pick<StateJournal, "document">): Promise<SequenceRanges> {
  const { fresh, again } = await storedState(journal);
  return unionOf(fresh.map(rangeOf), again.map(rangeOf));
}

async function storedState(journal: Pick<StateJournal, "document">): Promise<StoredState> {
  const stored = await journal.document(COLLECTION, KEY);
  return stored === undefined ? NEW : (JSON.parse(stored.value) as StoredState);
}

/** JSON has no infinite numbers. */
function rangeOf([from, to]: StoredRange): SequenceRange {
  return [from, to ?? Infinity];
}

function unionOf(a: SequenceRanges, b: SequenceRanges): SequenceRanges {
  return b.reduce((all, [from, to]) => withSequences(all, from, to), a);
}
