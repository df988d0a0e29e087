/**
 * Nodes that forward to this one: which of their sequences are committed, what came of each of their sources, and which of
 * their streams may still be listened to. Documents of the journal, read when the first of them connects. What is told of
 * an origin changes once that is durable, one change of an origin after the other.
 */
import { LEDGER_SOURCES_MAX, OTHER_SOURCES } from "../../model/limits.ts";
import type { Clock } from "../../model/clock.ts";
import { invalidField, WatchpostError } from "../../model/errors.ts";
import type { DocumentChange, JournalEvent } from "../../model/journal.ts";
import { Seldom } from "../../model/seldom.ts";
import { Serial } from "../../model/serial.ts";
import { unionOf, type SequenceRanges } from "../../model/sequence-ranges.ts";
import { NOTHING_DELIVERED, sumOf, type Delivered, type DeliveredBySource } from "./delivered.ts";
import { BEHIND_MAX } from "./hello.ts";
import { LedgerShare } from "./ledger-share.ts";
import { copied, differenceOf, isAnother } from "./origin-identity.ts";
import { checkShare } from "./owner-share.ts";
import { isSameOwner, handedOver, mayBring, notYours, shown, type OriginOwner } from "./origin-owner.ts";
import {
  behindDocument,
  originDocument,
  readOrigins,
  removalOf,
  sourceDocument,
  type DocumentReader,
} from "./origin-documents.ts";

export interface OriginJournal extends DocumentReader {
  append(events: readonly JournalEvent[], changes?: readonly DocumentChange[]): Promise<unknown>;
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
  /** The origin's processes, the sending one last; empty: it does not tell. */
  readonly runs: readonly { readonly id: string; readonly firstSeq: number }[];
}

/** A stream that is listened to. */
export interface OriginStream {
  readonly lane: string;
  readonly session: number;
  readonly isOver: boolean;
  /** Ends it with an error; nothing of it is taken any more. */
  end(error: unknown): void;
  /** Resolves once nothing of it is on its way to the disk. */
  readonly settled: Promise<void>;
}

export interface Origin {
  readonly id: string;
  name: string;
  /** undefined: nobody was asked who they are since it is known. */
  owner: OriginOwner | undefined;
  /** The highest of any stream. */
  session: number;
  /** The process that was heard last; "": it did not tell. */
  run: string;
  committed: SequenceRanges;
  /** Ids of the nodes that it gets points from. */
  behind: readonly string[];
  readonly delivered: DeliveredBySource;
  lastSeenMs: number;
  readonly streams: Set<OriginStream>;
  /** Sources whose counts stand in the origin's own document. */
  recent: ReadonlySet<string>;
  /** When all of them are written as documents of their own, monotonic. */
  sourcesDueMs: number;
  /** That its points are ahead of the clock here. */
  isAheadTold: boolean;
}

/** Of all origins together, so that nobody's memory follows what strangers say. */
export interface OriginLimits {
  readonly origins: number;
  /** Of one origin, apart from each other; a sender that works has as many as it has parts on their way. */
  readonly rangesEach: number;
  readonly ranges: number;
  /** What is past it is counted as {@link OTHER_SOURCES}. */
  readonly sources: number;
}

const LIMITS: OriginLimits = { origins: 10_000, rangesEach: 10_000, ranges: 200_000, sources: 200_000 };

export class Origins {
  readonly #journal: OriginJournal;
  readonly #clock: Clock;
  readonly #limits: OriginLimits;
  readonly #byId = new Map<string, Origin>();
  /** What is still kept of those whose document is damaged. */
  readonly #leftovers = new Map<string, readonly DocumentChange[]>();
  readonly #changes = new Serial();
  readonly #share = new LedgerShare();
  readonly #strangers: Seldom;
  #loaded: Promise<void> | undefined;

  /** `onStranger`: somebody has tried to bring what is another one's. */
  constructor(
    journal: OriginJournal,
    clock: Clock,
    limits: Partial<OriginLimits> = {},
    onStranger: (sentence: string) => void = () => {},
  ) {
    this.#journal = journal;
    this.#clock = clock;
    this.#limits = { ...LIMITS, ...limits };
    this.#strangers = new Seldom(clock, onStranger);
  }

  async all(): Promise<readonly Origin[]> {
    await this.#load();
    return [...this.#byId.values()];
  }

  /** Ids of the nodes that points come from, over others, too. */
  async behind(): Promise<string[]> {
    const origins = await this.all();
    return [...new Set([...origins.map(({ id }) => id), ...origins.flatMap(({ behind }) => behind)])];
  }

  /**
   * Lets a stream in, after those that it takes the place of have come to their end: that of the same lane, and all of the
   * process before. So what they were sent is never stored after what this one brings. From the first that is brought by
   * somebody (`by`; undefined: nobody is asked who they are) the origin is theirs. Throws FAILED_PRECONDITION where it is
   * another one's, ALREADY_EXISTS where a newer one of the origin was seen, RESOURCE_EXHAUSTED where there are too many of them, and as the journal does.
   */
  async enter(hello: Hello, stream: OriginStream, by?: OriginOwner): Promise<Origin> {
    await this.#load();
    // Nobody would take it off again.
    if (stream.isOver) throw new WatchpostError("CANCELLED", "the sender has left");
    const origin = this.#originFor(hello);
    const difference = differenceOf(hello, origin);
    // First of all: whatever else is refused tells of it.
    if (!mayBring(origin.owner, by)) throw difference === undefined ? this.#refused(origin, by!) : copied(origin.id);
    if (difference !== undefined) throw isAnother(hello, difference);
    const isBehindNew = !isSame(origin.behind, hello.behind);
    if (isBehindNew) this.#checkBehind(hello, origin);
    if (isBehindNew || !this.#byId.has(origin.id)) {
      const [max, { behind }] = [this.#limits.origins, hello];
      checkShare(this.#byId.values(), { id: origin.id, behind }, by, { max, behindMax: BEHIND_MAX });
    }
    this.#byId.set(origin.id, origin);
    [origin.session, origin.run] = [hello.session, hello.runs.at(-1)?.id ?? ""];
    origin.owner ??= by;
    const replaced = [...origin.streams].filter(
      ({ lane, session }) => lane === hello.lane || session < hello.sinceSession,
    );
    origin.streams.add(stream);
    for (const old of replaced) {
      old.end(new WatchpostError("ABORTED", "a newer stream of the same node has taken its place"));
    }
    await Promise.all(replaced.map(({ settled }) => settled));
    const { originName: name, behind } = hello;
    await this.#change(origin, async () => {
      const changes = isBehindNew ? [behindDocument(origin.id, behind)] : [];
      const removed = this.#leftovers.get(origin.id) ?? [];
      await this.#append([...removed, originDocument({ ...origin, name }, recentOf(origin)), ...changes]);
      this.#leftovers.delete(origin.id);
      [origin.name, origin.behind] = [name, behind];
    });
    return origin;
  }

  leave(originId: string, stream: OriginStream): void {
    const origin = this.#byId.get(originId);
    if (origin?.streams.delete(stream) === true) origin.lastSeenMs = this.#clock.nowMs();
  }

  /**
   * Enters what is durable as points into the ledger. Resolves once that is durable; rejects as the journal does, and with
   * RESOURCE_EXHAUSTED where it would leave more gaps than are kept: nothing is entered then.
   */
  commit(origin: Origin, ranges: SequenceRanges, delivered: DeliveredBySource): Promise<void> {
    return this.#change(origin, async () => {
      const committed = unionOf(origin.committed, ranges);
      this.#checkRanges(origin, committed);
      const lastSeenMs = this.#clock.nowMs();
      const changed = this.#sums(origin, delivered);
      const nowMs = this.#clock.monotonicMs();
      const isDue = nowMs >= origin.sourcesDueMs;
      const names = new Set([...origin.recent, ...changed.keys()]);
      const counts = Array.from(names, (source) => {
        return [source, changed.get(source) ?? origin.delivered.get(source)!] as const;
      });
      const sources = isDue ? counts.map(([source, sum]) => sourceDocument(origin.id, source, sum)) : [];
      await this.#append([originDocument({ ...origin, committed, lastSeenMs }, isDue ? [] : counts), ...sources]);
      const recent = isDue ? new Set<string>() : names;
      [origin.committed, origin.lastSeenMs, origin.recent] = [committed, lastSeenMs, recent];
      if (isDue) origin.sourcesDueMs = nowMs + SOURCES_EVERY_MS;
      for (const [source, sum] of changed) origin.delivered.set(source, sum);
    });
  }

  /** Nodes that say they get points from this one: they come over them, too. */
  async over(id: string): Promise<readonly Origin[]> {
    return (await this.all()).filter((origin) => origin.id !== id && origin.behind.includes(id));
  }

  /**
   * The origin of that id, or the only one of that name. Throws NOT_FOUND where there is none, FAILED_PRECONDITION where its
   * points come over others alone, INVALID_ARGUMENT with their ids where more than one has the name.
   */
  async find(idOrName: string): Promise<Origin> {
    const all = await this.all();
    const byId = this.#byId.get(idOrName);
    if (byId !== undefined) return byId;
    const named = all.filter(({ name }) => name === idOrName);
    if (named.length === 1) return named[0];
    if (named.length > 1) {
      throw invalidField("origin", idOrName, `the id of one of the nodes that are called so: ${listed(named)}`);
    }
    const over = await this.over(idOrName);
    if (over.length > 0) {
      const message =
        `node ${idOrName} has not forwarded to this one; its points come over ${listed(over)}: forget it there, or forget what ` +
        "it comes over here";
      throw new WatchpostError("FAILED_PRECONDITION", message);
    }
    const there = all.length === 0 ? "none has" : `there are: ${listed(all)}`;
    throw new WatchpostError("NOT_FOUND", `no node ${quoted(idOrName)} has forwarded to this one; ${there}`);
  }

  /**
   * Removes an origin with all that is kept of it. Throws FAILED_PRECONDITION while it is connected, UNAVAILABLE where it
   * was forgotten meanwhile, and as the journal does.
   */
  forget(origin: Origin): Promise<void> {
    return this.#change(origin, async () => {
      checkForgettable(origin);
      await this.#append(removalOf(origin));
      this.#byId.delete(origin.id);
    });
  }

  /** From now on it is that one's. Resolves once that is durable, and whatever somebody else had open has ended. As the journal does. */
  async handOver(origin: Origin, to: OriginOwner): Promise<void> {
    const before = origin.owner;
    await this.#change(origin, async () => {
      await this.#append([originDocument({ ...origin, owner: to }, recentOf(origin))]);
      origin.owner = to;
    });
    if (isSameOwner(before, to)) return;
    const streams = [...origin.streams];
    for (const stream of streams) stream.end(handedOver(origin.id));
    await Promise.all(streams.map(({ settled }) => settled));
  }

  #refused({ id, name, owner }: Origin, by: OriginOwner): WatchpostError {
    this.#strangers.say(
      () => `${shown(by)} was refused as node ${quoted(name)} (${id}), which is brought by ${shown(owner!)}`,
    );
    return notYours(id, by);
  }

  /** One change of an origin at a time: each is made of what the one before has left. */
  #change(origin: Origin, make: () => Promise<void>): Promise<void> {
    return this.#changes.run(origin.id, () => {
      if (this.#byId.get(origin.id) === origin) return make();
      const message = `node ${quoted(origin.name)} (${origin.id}) was forgotten just now; connect again`;
      throw new WatchpostError("UNAVAILABLE", message, { retryAfterMs: CONNECT_AGAIN_MS });
    });
  }

  async #append(changes: readonly DocumentChange[]): Promise<void> {
    await this.#share.append(changes, () => this.#journal.append([], changes));
  }

  /** Of the sources that change, what they come to. */
  #sums({ delivered: known }: Origin, delivered: DeliveredBySource): DeliveredBySource {
    const changed: DeliveredBySource = new Map();
    let room: number | undefined;
    for (const [name, counts] of delivered) {
      const isKnown = known.has(name) || changed.has(name);
      if (!isKnown) room ??= this.#roomForSources(known.size);
      const source = isKnown || room! > 0 ? name : OTHER_SOURCES;
      if (!isKnown) room!--;
      const before: Readonly<Delivered> = changed.get(source) ?? known.get(source) ?? NOTHING_DELIVERED;
      changed.set(source, sumOf(before, counts));
    }
    return changed;
  }

  #roomForSources(known: number): number {
    return Math.min(LEDGER_SOURCES_MAX - known, this.#limits.sources - this.#count(({ delivered }) => delivered.size));
  }

  /** What closes gaps is always taken. */
  #checkRanges({ id, name, committed: before }: Origin, committed: SequenceRanges): void {
    if (committed.length <= before.length) return;
    const { rangesEach, ranges } = this.#limits;
    const all = this.#count((origin) => origin.committed.length) + committed.length - before.length;
    if (committed.length <= rangesEach && all <= ranges) return;
    const what = committed.length > rangesEach ? `${rangesEach} ranges` : `ranges of ${ranges} in all nodes'`;
    const message =
      `node ${quoted(name)} (${id}) has sent more than ${what} of sequences with gaps between them; ` +
      `what closes gaps is still taken, and watchpost upstream forget ${id} has the node send everything anew`;
    throw new WatchpostError("RESOURCE_EXHAUSTED", message);
  }

  #checkBehind({ originName, behind }: Hello, { id, behind: before }: Origin): void {
    const others = this.#byId.size + this.#count((origin) => origin.behind.length) - before.length;
    if (others + behind.length <= BEHIND_MAX) return;
    const message =
      `node ${quoted(originName)} (${id}) gets points from ${behind.length} nodes, with which this one would get them from ` +
      `more than ${BEHIND_MAX}; watchpost upstream forget takes away those that forward no more`;
    throw new WatchpostError("RESOURCE_EXHAUSTED", message);
  }

  #count(of: (origin: Origin) => number): number {
    let count = 0;
    for (const origin of this.#byId.values()) count += of(origin);
    return count;
  }

  #originFor({ originId, originName }: Hello): Origin {
    const known = this.#byId.get(originId);
    if (known !== undefined) return known;
    if (this.#byId.size >= this.#limits.origins) {
      const message =
        `${this.#limits.origins} nodes have forwarded to this one already, and no more are taken; ` +
        "watchpost upstream forget takes away those that forward no more";
      throw new WatchpostError("RESOURCE_EXHAUSTED", message);
    }
    const empty = {
      owner: undefined,
      session: 0,
      run: "",
      committed: [],
      behind: [],
      delivered: new Map(),
      recent: new Set<string>(),
      lastSeenMs: 0,
    };
    return { id: originId, name: originName, ...empty, ...unheard(this.#clock.monotonicMs()) };
  }

  #load(): Promise<void> {
    this.#loaded ??= this.#read().catch((error: unknown) => {
      this.#loaded = undefined;
      throw error;
    });
    return this.#loaded;
  }

  async #read(): Promise<void> {
    const { origins, leftovers } = await readOrigins(this.#journal);
    for (const record of origins) this.#byId.set(record.id, { ...record, ...unheard(this.#clock.monotonicMs()) });
    for (const [id, changes] of leftovers) this.#leftovers.set(id, changes);
  }
}

const SOURCES_EVERY_MS = 60_000;
const CONNECT_AGAIN_MS = 1_000;
/** In an error. */
const LISTED_MAX = 10;

const unheard = (nowMs: number) => ({
  streams: new Set<OriginStream>(),
  sourcesDueMs: nowMs + SOURCES_EVERY_MS,
  isAheadTold: false,
});

/** Throws FAILED_PRECONDITION while it is connected. */
export function checkForgettable({ id, name, streams }: Origin): void {
  if (streams.size === 0) return;
  const message = `node ${quoted(name)} (${id}) is connected; take upstream.address off its settings first, and restart it`;
  throw new WatchpostError("FAILED_PRECONDITION", message);
}

function listed(origins: readonly Origin[]): string {
  const shown = origins.slice(0, LISTED_MAX).map(({ id, name }) => `${quoted(name)} (${id})`);
  if (origins.length > LISTED_MAX) shown.push(`${origins.length - LISTED_MAX} more`);
  return shown.join(", ");
}

function recentOf({ recent, delivered }: Origin): (readonly [string, Delivered])[] {
  return Array.from(recent, (source) => [source, delivered.get(source)!]);
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
}

function quoted(name: string): string {
  return JSON.stringify(name);
}
