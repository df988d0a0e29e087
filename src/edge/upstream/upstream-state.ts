/**
 * What of this node the upstream has not got: sets of log sequences, kept as a document. The document may lag behind: what
 * it holds too much of, the receiver says it has when a stream begins. So it is written rarely, which spares flash.
 *
 * The receiver knows sequences by the origin they are of. Where this node may have given sequences twice (its data was
 * restored, or rolled back) it goes on as another origin, and what it had delivered is settled under the new one, too.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Clock } from "../../model/clock.ts";
import type { DocumentChange, JournalEvent, StoredDocument } from "../../model/journal.ts";
import {
  differenceOf,
  intersectionOf,
  joinedTo,
  unionOf,
  type SequenceRange,
  type SequenceRanges,
} from "../../model/sequence-ranges.ts";
import type { OriginRunSchema } from "../../wire/gen/forwarding_pb.ts";
import type { DeliveryLedger } from "./delivery-ledger.ts";
import type { ClockSet } from "./queue-limits.ts";

export interface StateJournal {
  document(collection: string, key: string): Promise<StoredDocument | undefined>;
  append(events: readonly JournalEvent[], changes?: readonly DocumentChange[]): Promise<unknown>;
}

export interface UpstreamStateDeps {
  readonly journal: StateJournal;
  readonly ledger: DeliveryLedger;
  readonly clock: Clock;
  /** Of this process; no other one's. */
  readonly runId: string;
  /** The next sequence when the process began. */
  readonly nextSeq: number;
  onTrouble(sentence: string, error: unknown): void;
}

type StoredRange = readonly [from: number, to: number | null];

interface StoredState {
  readonly originId: string;
  /** Of the node when it became that origin. */
  readonly nodeId: string;
  readonly session: number;
  readonly runs?: readonly Run[];
  readonly fresh: readonly StoredRange[];
  readonly again: readonly StoredRange[];
  readonly settled: SequenceRanges;
  readonly clockSet: ClockSet | null;
  readonly eventsAfter: number | null;
  readonly isStandingTold?: boolean;
  readonly receiverId: string;
}

/** A process of this node. */
interface Run {
  readonly id: string;
  /** The next one when it began. */
  readonly firstSeq: number;
}

export interface SessionBegun {
  readonly originId: string;
  readonly session: bigint;
  readonly runs: MessageInitShape<typeof OriginRunSchema>[];
}

const COLLECTION = "upstream";
const KEY = "state";
const SAVE_AFTER_MS = 5_000;
/** Each is a part of its own. To send more than was asked for does no harm. */
const AGAIN_MAX = 1_000;
/** Processes that are remembered: a receiver that was restored may have heard an old one last. */
const [RUNS_MAX, RUN_LENGTH] = [200, 8];
/** What was acknowledged is told again by the receiver. What was given up is written at once. */
const LEDGER_EVERY_MS = 60_000;
/** Of so few sources it is written each time. */
const SOURCES_FEW = 50;
/** What is stored already goes upstream, too. */
const NEW: StoredState = {
  ...{ originId: "", nodeId: "", session: 0, eventsAfter: null, receiverId: "" },
  ...{ fresh: [[0, null]], again: [], settled: [], clockSet: null },
};

export class UpstreamState {
  readonly #deps: UpstreamStateDeps;
  #originId: string;
  #nodeId: string;
  #session: number;
  #runs: readonly Run[];
  #fresh: SequenceRanges;
  #again: SequenceRanges;
  #settled: SequenceRanges;
  #clockSet: ClockSet | null;
  #eventsAfter: number | null;
  #isStandingTold: boolean;
  #receiverId: string;
  #cancelSave: (() => void) | undefined;
  #ledgerDueMs = 0;

  private constructor(deps: UpstreamStateDeps, stored: StoredState) {
    this.#deps = deps;
    this.#originId = stored.originId;
    this.#nodeId = stored.nodeId;
    this.#session = stored.session;
    const run = { id: deps.runId.slice(0, RUN_LENGTH), firstSeq: deps.nextSeq };
    this.#runs = [...(stored.runs ?? []), run].slice(-RUNS_MAX);
    this.#fresh = stored.fresh.map(rangeOf);
    this.#again = stored.again.map(rangeOf);
    this.#settled = stored.settled;
    this.#clockSet = stored.clockSet;
    this.#eventsAfter = stored.eventsAfter;
    this.#isStandingTold = stored.isStandingTold ?? stored.eventsAfter !== null;
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

  /** Neither delivered nor to be sent, which the receiver is yet to be told. */
  get settled(): SequenceRanges {
    return this.#settled;
  }

  get undelivered(): SequenceRanges {
    return unionOf(this.#fresh, this.#again);
  }

  /** The last event of the journal that the upstream has heard of; null: it has heard of none. */
  get eventsAfter(): number | null {
    return this.#eventsAfter;
  }

  /** Whether the upstream was told what stood at that position, or before. */
  get isStandingTold(): boolean {
    return this.#isStandingTold;
  }

  /** Of the receiver that was heard last; "": none was. */
  get receiverId(): string {
    return this.#receiverId;
  }

  /** When the wall clock was set ahead last. */
  get clockSet(): ClockSet | null {
    return this.#clockSet;
  }

  /**
   * Who streams come from, as which process after which others, and a number that no stream of it had before; written before
   * it is told to anybody. `endSeq`: behind what is committed. Rejects as the journal does.
   */
  async beginSession(nodeId: string, endSeq: number): Promise<SessionBegun> {
    if (this.#nodeId !== nodeId) this.#become(nodeId, endSeq);
    this.#nodeId = nodeId;
    this.#session++;
    await this.#write();
    const runs = this.#runs.map(({ id, firstSeq }) => ({ id, firstSequence: BigInt(firstSeq) }));
    return { originId: this.#originId, session: BigInt(this.#session), runs };
  }

  /** From now on it is another origin. Rejects as the journal does. */
  async becomeOrigin(originId: string, endSeq: number): Promise<void> {
    this.#become(originId, endSeq);
    await this.#write();
  }

  delivered(range: SequenceRange, isResend: boolean): void {
    if (isResend) this.#again = differenceOf(this.#again, [range]);
    else this.#remove([range]);
    this.#saveSoon();
  }

  /**
   * What the receiver has of what is committed before `endSeq`. What it had acknowledged and has no more is undelivered
   * again; returns that.
   */
  heard(receiverId: string, committed: SequenceRanges, endSeq: number): SequenceRanges {
    this.#receiverId = receiverId;
    const known = unionOf(unionOf(this.#fresh, this.#settled), committed);
    const lost = differenceOf([[0, endSeq]], known);
    this.#remove(committed);
    this.#fresh = unionOf(this.#fresh, lost);
    this.#again = differenceOf(this.#again, lost);
    this.#saveSoon();
    return lost;
  }

  /** The wall clock was set ahead, at `atMs` by itself, before `seq` was committed. */
  clockWasSet(clockSet: ClockSet): void {
    this.#clockSet = clockSet;
    this.#saveSoon();
  }

  eventsDelivered(position: number, isStandingTold: boolean): void {
    this.#eventsAfter = position;
    this.#isStandingTold = isStandingTold;
    this.#saveSoon();
  }

  /** Resolves once it is sure that these will be sent again. Rejects as the journal does. */
  async resend(ranges: SequenceRanges): Promise<void> {
    const again = joinedTo(unionOf(this.#again, ranges), AGAIN_MAX);
    // What was never sent is sent anyway.
    this.#again = differenceOf(again, this.#fresh);
    await this.#write();
  }

  /** These are not sent. Resolves once that is kept, with what the ledger says of it. */
  async giveUp(ranges: SequenceRanges): Promise<void> {
    this.#settled = unionOf(this.#settled, intersectionOf(this.#fresh, ranges));
    this.#fresh = differenceOf(this.#fresh, ranges);
    this.#again = differenceOf(this.#again, ranges);
    this.#ledgerDueMs = 0;
    await this.#write();
  }

  async close(): Promise<void> {
    this.#ledgerDueMs = 0;
    await this.#write();
  }

  #become(originId: string, endSeq: number): void {
    this.#originId = originId;
    this.#settled = differenceOf([[0, endSeq]], this.#fresh);
  }

  #remove(ranges: SequenceRanges): void {
    this.#fresh = differenceOf(this.#fresh, ranges);
    this.#settled = differenceOf(this.#settled, ranges);
  }

  async #write(): Promise<void> {
    const { journal, ledger, clock } = this.#deps;
    this.#cancelSave?.();
    this.#cancelSave = undefined;
    const isLedgerDue = ledger.changed <= SOURCES_FEW || clock.monotonicMs() >= this.#ledgerDueMs;
    if (isLedgerDue) this.#ledgerDueMs = clock.monotonicMs() + LEDGER_EVERY_MS;
    const value = JSON.stringify({
      ...{ originId: this.#originId, nodeId: this.#nodeId, session: this.#session, runs: this.#runs },
      ...{ fresh: this.#fresh, again: this.#again, settled: this.#settled, clockSet: this.#clockSet },
      eventsAfter: this.#eventsAfter,
      isStandingTold: this.#isStandingTold,
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
  return stored === undefined ? NEW : { ...NEW, ...(JSON.parse(stored.value) as Partial<StoredState>) };
}

/** JSON has no infinite numbers. */
function rangeOf([from, to]: StoredRange): SequenceRange {
  return [from, to ?? Infinity];
}
