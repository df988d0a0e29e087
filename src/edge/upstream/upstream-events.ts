/**
 * Alerts and what is known of devices, told to the upstream: the journal from a position on, at least once, in the order of each
 * alert and device. Whoever has heard of nothing is told what stands first. What is refused is left out, counted and said; what
 * cannot be taken yet is tried for an hour, and holds up only what follows of the same alert or device.
 */
import { backoffMs } from "../../model/backoff.ts";
import type { Clock } from "../../model/clock.ts";
import { messageOf, WatchpostError, type StatusName } from "../../model/errors.ts";
import { Seldom } from "../../model/seldom.ts";
import type { JournalEntry, JournalQuery } from "../../model/journal.ts";
import { isRefusedLogin } from "../../wire/refused-login.ts";
import { runByKey } from "./by-key.ts";
import { callOfEntry, type EventCall } from "./event-calls.ts";
import { LateEvents, type LateEvent } from "./late-events.ts";
import { standingAlerts, standingDevices, type OwnLists } from "./standing-events.ts";

export interface EventsJournal {
  readonly firstPosition: number;
  readonly lastPosition: number;
  read(query: JournalQuery): Promise<readonly JournalEntry[]>;
  follow(listener: (entries: readonly JournalEntry[]) => void): () => void;
}

export interface EventsState {
  /** The last event of the journal that the upstream has heard of; null: it has heard of none. */
  readonly eventsAfter: number | null;
  /** Whether the upstream was told what stood at that position, or before. */
  readonly isStandingTold: boolean;
  eventsDelivered(position: number, isStandingTold: boolean): void;
}

/** Whose events are told, and how far they were. */
export interface EventsGround {
  readonly journal: EventsJournal;
  readonly lists: OwnLists;
  readonly state: EventsState;
  /** What the upstream calls this node, or all that share the journal. */
  readonly name: string;
}

export interface UpstreamEventsDeps extends EventsGround {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  random(): number;
  /** Whether the upstream can be asked at present. */
  isConnected(): boolean;
  /** Throws a WatchpostError. */
  call(call: EventCall): Promise<void>;
  onTrouble(sentence: string): void;
}

export interface EventsStatus {
  /** Entries of any kind that were not looked at, and events that could not be taken yet. */
  readonly queued: number;
  /** Events that the upstream refused, since the start of this server. */
  readonly refused: number;
  /** The last of them, and why; "": none was. */
  readonly lastRefusal: string;
  /** Events that could not be taken yet, and those behind them. */
  readonly late: number;
  /** Why the last of them could not; "": none waits. */
  readonly lateBecause: string;
}

const PAGE = 200;
/** Each takes as long as the way there and back, and a sync at the upstream that all of them share. */
const CALLS_AT_ONCE = 32;
const BACKOFF = { firstMs: 1_000, maxMs: 60_000 };
/** An alert that stands is told anew: nobody hears of it twice, and it does not expire there. */
const STANDING_EVERY_MS = 86_400_000;
const SAID_EVERY_MS = 10_000;
/** Of the upstream as a whole, whatever it is told. */
const AWAY: ReadonlySet<StatusName> = new Set(["UNAVAILABLE", "CANCELLED", "DEADLINE_EXCEEDED"]);
/** What another attempt may change. */
const PASSES: ReadonlySet<StatusName> = new Set([
  ...(["UNKNOWN", "INTERNAL", "ABORTED", "RESOURCE_EXHAUSTED", "PERMISSION_DENIED"] as const),
]);

export class UpstreamEvents {
  readonly #deps: UpstreamEventsDeps;
  readonly #unfollow: () => void;
  readonly #late = new LateEvents();
  /** Positions behind `#after` that are done with, or late. */
  readonly #told = new Set<number>();
  #after: number;
  /** Behind it there are no entries. Positions without any are among those that nodes share. */
  #newest: number;
  /** What stands is to be told before what follows `#after`. */
  #isStandingDue: boolean;
  /** Another one after `restart`: what was under way for the one before says nothing any more. */
  #round = 0;
  #isRunning = false;
  /** Something may have come since the journal was read. */
  #hasMore = false;
  #isOver = false;
  #failures = 0;
  #lastTrouble = "";
  /** Monotonic. */
  #pausedUntilMs = -Infinity;
  #standingDueMs: number;
  #refused = 0;
  #lastRefusal = "";
  #lateBecause = "";
  readonly #refusals: Seldom;
  readonly #delays: Seldom;
  #cancel: () => void = () => {};

  constructor(deps: UpstreamEventsDeps) {
    const { journal, state, clock } = deps;
    this.#deps = deps;
    this.#after = Math.min(state.eventsAfter ?? journal.lastPosition, journal.lastPosition);
    this.#isStandingDue = !state.isStandingTold;
    if (state.eventsAfter === null) state.eventsDelivered(this.#after, false);
    this.#standingDueMs = clock.monotonicMs();
    this.#refusals = new Seldom(clock, deps.onTrouble, SAID_EVERY_MS);
    this.#delays = new Seldom(clock, deps.onTrouble, SAID_EVERY_MS);
    this.#newest = journal.lastPosition;
    this.#unfollow = journal.follow((entries) => {
      this.#newest = entries.at(-1)!.position;
      this.#look();
    });
    this.wake();
  }

  get status(): EventsStatus {
    const unread = Math.max(0, this.#newest - this.#after);
    const { count } = this.#late;
    return {
      ...{ queued: unread + count, refused: this.#refused, lastRefusal: this.#lastRefusal },
      ...{ late: count, lateBecause: count === 0 ? "" : this.#lateBecause },
    };
  }

  /** The upstream is there again. */
  wake(): void {
    this.#failures = 0;
    this.#pausedUntilMs = -Infinity;
    this.#look();
  }

  /** The upstream has heard of nothing: it is told what stands, then what follows. Holds over a restart of the server. */
  restart(): void {
    const { journal, state } = this.#deps;
    this.#round++;
    this.#after = journal.lastPosition;
    this.#isStandingDue = true;
    this.#late.clear();
    this.#told.clear();
    state.eventsDelivered(this.#after, false);
    this.wake();
  }

  close(): void {
    this.#isOver = true;
    this.#unfollow();
    this.#cancel();
  }

  #look(): void {
    const { clock, isConnected } = this.#deps;
    if (this.#isOver || !isConnected()) return;
    this.#hasMore = true;
    if (this.#isRunning) return;
    const pauseMs = this.#pausedUntilMs - clock.monotonicMs();
    // Timers may come a fraction of a millisecond early: nothing else would look again.
    if (pauseMs > 0) return this.#lookIn(pauseMs);
    this.#isRunning = true;
    this.#cancel();
    this.#run()
      .then(
        // While some are late what stands is not told.
        () => this.#lookIn((this.#late.count > 0 ? this.#late.dueMs : this.#standingDueMs) - clock.monotonicMs()),
        (error: unknown) => this.#failed(error),
      )
      .catch((error: unknown) => this.#failed(error));
  }

  #lookIn(delayMs: number): void {
    if (this.#isOver) return;
    this.#cancel();
    this.#cancel = this.#deps.clock.after(Math.max(0, delayMs), () => this.#look());
  }

  #failed(error: unknown): void {
    const { clock, random, onTrouble } = this.#deps;
    const sentence = `the upstream is not told of events: ${messageOf(error)}`;
    if (sentence !== this.#lastTrouble && !this.#isOver) onTrouble(sentence);
    this.#lastTrouble = sentence;
    const delayMs = backoffMs(++this.#failures, random(), BACKOFF);
    this.#pausedUntilMs = clock.monotonicMs() + delayMs;
    this.#lookIn(delayMs);
  }

  async #run(): Promise<void> {
    const { journal, isConnected } = this.#deps;
    try {
      while (this.#hasMore && !this.#isOver && isConnected()) {
        this.#hasMore = false;
        if (this.#after < journal.firstPosition - 1) this.#skipTrimmed();
        await this.#tryLate();
        if (this.#isStandingDue) await this.#tellWhatStands(this.#round);
        else if (!this.#late.isFull) await this.#tellPage(this.#after, this.#round);
        if (!this.#hasMore) await this.#tellStandingAlerts(this.#round);
        this.#failures = 0;
        this.#lastTrouble = "";
      }
    } finally {
      this.#isRunning = false;
    }
  }

  #skipTrimmed(): void {
    this.#deps.onTrouble(
      "events that the upstream has not heard of are no longer kept (retention.journal): it is told what stands now",
    );
    this.restart();
  }

  /** Alerts first: of devices there may be very many. */
  async #tellWhatStands(round: number): Promise<void> {
    const { clock, lists, name } = this.#deps;
    for (const standing of [standingAlerts(lists, name), standingDevices(lists, name)]) {
      for await (const calls of standing)
        await this.#tellAll(
          calls.map((call) => ({ call, position: null })),
          round,
        );
      // Where too many are late all of it is told again.
      if (this.#isPast(round) || this.#late.isFull) return;
    }
    this.#standingDueMs = clock.monotonicMs() + STANDING_EVERY_MS;
    this.#isStandingDue = false;
    this.#passed(this.#after);
    this.#hasMore = true;
  }

  async #tellPage(after: number, round: number): Promise<void> {
    const { journal, name } = this.#deps;
    const { lastPosition } = journal;
    const entries = await journal.read({ after, limit: PAGE });
    const isLast = entries.length < PAGE;
    if (isLast && this.#newest <= lastPosition) this.#newest = entries.at(-1)?.position ?? after;
    const events: LateEvent[] = [];
    for (const entry of entries) {
      const { position } = entry;
      const call = this.#told.has(position) ? undefined : this.#callOf(entry, name);
      if (call === undefined) this.#told.add(position);
      else events.push({ call, position });
    }
    try {
      await this.#tellAll(events, round);
    } finally {
      if (!this.#isPast(round)) this.#passTold(entries);
    }
    if (!isLast) this.#hasMore = true;
  }

  /** Up to the first that was not told. Those behind it that were are not told again when the page is. */
  #passTold(entries: readonly JournalEntry[]): void {
    let to = this.#after;
    for (const { position } of entries) {
      if (!this.#told.delete(position)) break;
      to = position;
    }
    if (to > this.#after) this.#passed(to);
  }

  /** Behind all entries, which may be of alerts that have ended since. */
  async #tellStandingAlerts(round: number): Promise<void> {
    const { lists, name, clock } = this.#deps;
    if (clock.monotonicMs() < this.#standingDueMs || this.#late.count > 0) return;
    for await (const calls of standingAlerts(lists, name)) {
      await this.#tellAll(
        calls.map((call) => ({ call, position: this.#after })),
        round,
      );
      if (this.#isPast(round)) return;
    }
    this.#standingDueMs = clock.monotonicMs() + STANDING_EVERY_MS;
  }

  /** In the order of each alert and device. Throws where the upstream is away. */
  #tellAll(events: readonly LateEvent[], round: number): Promise<void> {
    const isOver = () => this.#isPast(round) || this.#late.isFull;
    // Whoever did not answer is asked by one call whether it does again.
    const atOnce = this.#failures > 0 ? 1 : CALLS_AT_ONCE;
    return runByKey(
      events,
      ({ call }) => call.key,
      atOnce,
      isOver,
      (event) => this.#tell(event, round),
    );
  }

  #isPast(round: number): boolean {
    return round !== this.#round || this.#isOver;
  }

  #callOf(entry: JournalEntry, name: string): EventCall | undefined {
    try {
      return callOfEntry(entry, name);
    } catch (error) {
      this.#refuse(`journal entry ${entry.position} of ${entry.subject} cannot be read: ${messageOf(error)}`);
      return undefined;
    }
  }

  async #tell(event: LateEvent, round: number): Promise<void> {
    const { clock, random } = this.#deps;
    const { call, position } = event;
    const isBehind = this.#late.has(call.key);
    if (isBehind && position === null) return;
    const error = isBehind ? undefined : await this.#made(call);
    if (this.#isPast(round)) return;
    if (error !== undefined) {
      this.#delays.say(() => `the upstream does not take an event yet, which is tried again: ${this.#lateBecause}`);
    }
    if (isBehind || error !== undefined) this.#late.add(event, clock.monotonicMs(), random());
    if (position !== null && position > this.#after) this.#told.add(position);
  }

  async #tryLate(): Promise<void> {
    const { clock, random } = this.#deps;
    const round = this.#round;
    for (const event of this.#late.due(clock.monotonicMs())) {
      const error = await this.#made(event.call);
      if (this.#isPast(round)) return;
      const nowMs = clock.monotonicMs();
      if (error !== undefined && this.#late.again(event, nowMs, random(), error.retryAfterMs)) continue;
      if (error !== undefined) this.#refuse(`${event.call.about}, after an hour of attempts: ${error.message}`);
      this.#late.done(event, nowMs);
      this.#hasMore = true;
      this.#passed(this.#after);
    }
  }

  /** Undefined where it is done with, refused or not; otherwise why it is to be tried again. Throws where the upstream is away. */
  async #made(call: EventCall): Promise<WatchpostError | undefined> {
    try {
      await this.#deps.call(call);
    } catch (error) {
      if (!(error instanceof WatchpostError)) throw error;
      const { status } = error;
      if (AWAY.has(status) || isRefusedLogin(error)) throw error;
      // A limit that says nothing of when to come again stays.
      const isLimit = status === "RESOURCE_EXHAUSTED" && error.retryAfterMs === undefined;
      if (PASSES.has(status) && !isLimit) {
        this.#lateBecause = `${call.about}: ${error.message} (${status})`;
        return error;
      }
      if (status === "NOT_FOUND" && call.ifNotFound !== undefined) return this.#made(call.ifNotFound);
      if (status !== call.isDoneOn) this.#refuse(`${call.about}: ${error.message} (${status})`);
    }
    return undefined;
  }

  #passed(position: number): void {
    this.#after = position;
    const { firstPosition, hasStanding } = this.#late;
    const isStandingTold = !this.#isStandingDue && !hasStanding;
    this.#deps.state.eventsDelivered(Math.min(position, firstPosition - 1), isStandingTold);
  }

  #refuse(what: string): void {
    this.#refused++;
    this.#lastRefusal = what;
    this.#refusals.say(() => `the upstream refuses an event, which is left out: ${what}`);
  }
}
