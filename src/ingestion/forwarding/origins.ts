/**
 * Nodes that forward to this one: which of their sequences are committed, what came of each of their sources, and which of
 * their streams may still be listened to. Documents of the journal, read when the first of them connects.
 */
import type { Clock } from "../../model/clock.ts";
import { WatchpostError } from "../../model/errors.ts";
import type { DocumentChange, DocumentQuery, JournalEvent, StoredDocument } from "../../model/journal.ts";
import { withSequences, type SequenceRange, type SequenceRanges } from "../../model/sequence-ranges.ts";
import { addDelivered, type DeliveredBySource } from "./delivered.ts";
import { BEHIND_MAX } from "./hello.ts";

export interface OriginJournal {
  append(events: readonly JournalEvent[], changes?: readonly DocumentChange[]): Promise<unknown>;
  documents(query: DocumentQuery): Promise<readonly StoredDocument[]>;
}

/** What the first message of a stream says. */
export interface Hello {
  readonly originId: string;
  readonly originName: string;
  readonly lane: string;
  readonly session: number;
  readonly sinceSession: number;
  /** Ids of the nodes that it gets points from. */
  readonly behind: readonly string[];
}

/** A stream that is listened to. */
export interface OriginStream {
  readonly lane: string;
  readonly session: number;
  /** Ends it with an error; nothing of it is taken any more. */
  end(error: unknown): void;
  /** Resolves once nothing of it is on its way to the disk. */
  readonly settled: Promise<void>;
}

/** What of a stream is durable as points and now enters the ledger. */
export interface CommittedUnit {
  readonly sequences: SequenceRange;
  readonly delivered: DeliveredBySource;
  /** Asked for again: it was counted before. */
  readonly isResend: boolean;
}

export interface Origin {
  readonly id: string;
  name: string;
  /** The highest of any stream. */
  session: number;
  committed: SequenceRanges;
  /** Ids of the nodes that it gets points from. */
  behind: readonly string[];
  readonly delivered: DeliveredBySource;
  lastSeenMs: number;
  readonly streams: Set<OriginStream>;
}

const ORIGINS = "forwarding.origin";
const SOURCES = "forwarding.source";
/** Apart from the origin's own, which changes with every commit: it may be long. */
const BEHIND = "forwarding.behind";
const ORIGINS_MAX = 10_000;
/** Apart from each other; a sender that works has as many as it has parts on their way. */
const RANGES_MAX = 10_000;
const PAGE = 1_000;
/** Cannot be in an id, so that id and source can be told apart in a key. */
const BETWEEN = "\n";

export class Origins {
  readonly #journal: OriginJournal;
  readonly #clock: Clock;
  readonly #byId = new Map<string, Origin>();
  #loaded: Promise<void> | undefined;

  constructor(journal: OriginJournal, clock: Clock) {
    this.#journal = journal;
    this.#clock = clock;
  }

  async all(): Promise<readonly Origin[]> {
    await this.#load();
    return [...this.#byId.values()];
  }

  /** Ids of the nodes that points come from, over others, too; as many as may be named. */
  async behind(): Promise<string[]> {
    const origins = await this.all();
    const ids = new Set([...origins.map(({ id }) => id), ...origins.flatMap(({ behind }) => behind)]);
    return [...ids].slice(0, BEHIND_MAX);
  }

  /**
   * Lets a stream in, after those that it takes the place of have come to their end: that of the same lane, and all of the
   * process before. So what they were sent is never stored after what this one brings. Throws ALREADY_EXISTS where a newer
   * one of the origin was seen.
   */
  async enter(hello: Hello, stream: OriginStream): Promise<Origin> {
    await this.#load();
    const origin = this.#originFor(hello);
    if (hello.session < origin.session) {
      const message =
        `session is ${hello.session}, and node ${quoted(hello.originName)} (${origin.id}) was heard with ${origin.session}; ` +
        "is there a second node with a copy of its data directory?";
      throw new WatchpostError("ALREADY_EXISTS", message);
    }
    origin.session = hello.session;
    origin.name = hello.originName;
    origin.behind = hello.behind;
    const replaced = [...origin.streams].filter(
      ({ lane, session }) => lane === hello.lane || session < hello.sinceSession,
    );
    origin.streams.add(stream);
    for (const old of replaced) {
      old.end(new WatchpostError("ABORTED", "a newer stream of the same node has taken its place"));
    }
    await Promise.all(replaced.map(({ settled }) => settled));
    const behind = { collection: BEHIND, key: origin.id, sort: 0, value: JSON.stringify(origin.behind) };
    await this.#journal.append([], [this.#originDocument(origin), behind]);
    return origin;
  }

  leave(originId: string, stream: OriginStream): void {
    const origin = this.#byId.get(originId);
    if (origin?.streams.delete(stream) === true) origin.lastSeenMs = this.#clock.nowMs();
  }

  /** Resolves once the ledger says so durably. Rejects as the journal does; what was committed stays counted. */
  async commit(origin: Origin, units: readonly CommittedUnit[]): Promise<void> {
    if (origin.committed.length + units.length > RANGES_MAX) {
      const message = `node ${origin.id} has sent more than ${RANGES_MAX} ranges of sequences with gaps between them`;
      throw new WatchpostError("RESOURCE_EXHAUSTED", message);
    }
    const changed = new Set<string>();
    for (const { sequences, delivered, isResend } of units) {
      origin.committed = withSequences(origin.committed, ...sequences);
      if (isResend) continue;
      for (const source of addDelivered(origin.delivered, delivered)) changed.add(source);
    }
    origin.lastSeenMs = this.#clock.nowMs();
    const sources = [...changed].map((source) => this.#sourceDocument(origin, source));
    await this.#journal.append([], [this.#originDocument(origin), ...sources]);
  }

  #originFor({ originId, originName }: Hello): Origin {
    const known = this.#byId.get(originId);
    if (known !== undefined) return known;
    if (this.#byId.size >= ORIGINS_MAX) {
      const message = `${ORIGINS_MAX} nodes have forwarded to this one already; no more are taken`;
      throw new WatchpostError("RESOURCE_EXHAUSTED", message);
    }
    const origin = { ...emptyOrigin(originId), name: originName };
    this.#byId.set(originId, origin);
    return origin;
  }

  #load(): Promise<void> {
    this.#loaded ??= this.#read().catch((error: unknown) => {
      this.#loaded = undefined;
      this.#byId.clear();
      throw error;
    });
    return this.#loaded;
  }

  async #read(): Promise<void> {
    for await (const { key, value } of this.#each(ORIGINS)) {
      const { name, session, committed, lastSeenMs } = JSON.parse(value);
      this.#byId.set(key, { ...emptyOrigin(key), name, session, committed, lastSeenMs });
    }
    for await (const { key, value } of this.#each(BEHIND)) {
      const origin = this.#byId.get(key);
      if (origin !== undefined) origin.behind = JSON.parse(value);
    }
    for await (const { key, value } of this.#each(SOURCES)) {
      const end = key.indexOf(BETWEEN);
      const counts = JSON.parse(value);
      // JSON has no infinite numbers.
      const [firstUs, lastUs] = [counts.firstUs ?? Infinity, counts.lastUs ?? -Infinity];
      this.#byId.get(key.slice(0, end))?.delivered.set(key.slice(end + 1), { ...counts, firstUs, lastUs });
    }
  }

  async *#each(collection: string): AsyncIterable<StoredDocument> {
    for (let query: DocumentQuery = { collection, limit: PAGE }; ;) {
      const page = await this.#journal.documents(query);
      yield* page;
      if (page.length < PAGE) return;
      query = { ...query, after: page.at(-1)! };
    }
  }

  #originDocument({ id, name, session, committed, lastSeenMs }: Origin): DocumentChange {
    const value = JSON.stringify({ name, session, committed, lastSeenMs });
    return { collection: ORIGINS, key: id, sort: 0, value };
  }

  #sourceDocument({ id, delivered }: Origin, source: string): DocumentChange {
    const value = JSON.stringify(delivered.get(source));
    return { collection: SOURCES, key: id + BETWEEN + source, sort: 0, value };
  }
}

function emptyOrigin(id: string): Origin {
  return {
    id,
    name: "",
    session: 0,
    committed: [],
    behind: [],
    delivered: new Map(),
    lastSeenMs: 0,
    streams: new Set(),
  };
}

function quoted(name: string): string {
  return JSON.stringify(name);
}
