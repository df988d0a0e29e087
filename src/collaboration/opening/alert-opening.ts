/**
 * Opens a session and an issue for incidents whose rules ask for it, and tells them what becomes of the alerts: follows the
 * journal, in rounds, from a position that is written down. What a round tells of an incident is one message, kept in the
 * transaction that says how far the incident has been told: so nothing is told twice, whenever the server ends. Sessions are
 * found again by their id, issues by their alert.
 */
import type { Clock } from "../../model/clock.ts";
import { messageOf, WatchpostError } from "../../model/errors.ts";
import type { DocumentChange, StoredDocument } from "../../model/journal.ts";
import type { Commands } from "../../wire/call-method.ts";
import type { Session } from "../../wire/gen/collaboration_pb.ts";
import type { CallContext } from "../../wire/service.ts";
import { ALERT_EVENT, type CollaborationJournal, type Rows } from "../collaboration-journal.ts";
import type { Draft } from "../session-message.ts";
import { alertNewsOf, type AlertNews } from "./alert-news.ts";
import { IncidentIssues } from "./incident-issues.ts";
import { addNews, keyOf, noNews, type IncidentNews, type Opening } from "./incident-news.ts";
import { newsMetadata, newsText, titleOf } from "./incident-text.ts";
import {
  documentOfIncident,
  incidentAfter,
  incidentOf,
  OPENED_INCIDENTS,
  type OpenedIncident,
} from "./opened-incident.ts";

/** What a session is about from now on, beside what it was. */
export interface MoreTopic {
  readonly alertIds: readonly string[];
  readonly incidentIds: readonly string[];
  readonly devices: readonly string[];
}

export interface IncidentSessions {
  /** Opens a session, or finds the one of that id; resolves with it. */
  open(id: string, title: string, topic: MoreTopic, userId: string): Promise<Session>;
  /** Gives a session that has none its title, and says so. Throws FAILED_PRECONDITION where it is closed. */
  entitle(id: string, title: string, topic: MoreTopic, userId: string): Promise<void>;
  /**
   * Tells its members, with `rows` in the same transaction. Throws FAILED_PRECONDITION, having kept nothing, where the session
   * is closed.
   */
  tell(id: string, draft: Draft, topic: MoreTopic, rows: Rows): Promise<unknown>;
}

/** What rules have opened. */
export interface Openings {
  /** None for a rule that is not there. */
  of(rule: string): readonly Opening[];
  /** Whether any rule has anything opened. */
  isAny(): boolean;
}

export interface AlertOpeningDeps {
  readonly journal: CollaborationJournal;
  readonly clock: Clock;
  readonly sessions: IncidentSessions;
  /** Of issues. */
  readonly commands: Commands;
  /** As whom all of it is done. */
  readonly context: CallContext;
  readonly openings: Openings;
  onTrouble(sentence: string): void;
}

/** Two documents: the position up to which the journal was looked through, and the one that the round under way goes up to. */
const POSITIONS = "alert-opening";
const [POSITION, UNTIL] = ["position", "until"];
/** What comes within it is told together. */
const GATHER_MS = 200;
const ROUND_EVERY_MS = 1_000;
const RETRY_AFTER_MS = 1_000;
const ENTRIES_A_PAGE = 500;
const PAGES_A_ROUND = 20;
const DOCUMENTS_AT_ONCE = 1_000;
/** They share commits. */
const INCIDENTS_AT_ONCE = 16;
/** Alerts may join an incident for a week, also where none of it is active. */
const FORGET_AFTER_MS = 8 * 86_400_000;
const ID_LENGTH = 8;
/** What may be better when it is tried again. */
const PASSING = new Set(["UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED", "DEADLINE_EXCEEDED", "CANCELLED"]);

export class AlertOpening {
  readonly #deps: AlertOpeningDeps;
  readonly #issues: IncidentIssues;
  readonly #incidents: Map<string, OpenedIncident>;
  #position: number;
  /** A round that failed is made again with the same entries: so it knows what it has said. Up to the position: none failed. */
  #until: number;
  #unfollow: () => void;
  #cancelTimer: (() => void) | null = null;
  #running: Promise<void> | null = null;
  #isAskedAgain = false;
  #isClosed = false;
  /** Monotonic. */
  #roundAtMs = -Infinity;

  private constructor(
    deps: AlertOpeningDeps,
    incidents: Map<string, OpenedIncident>,
    position: number,
    until = position,
  ) {
    this.#deps = deps;
    this.#until = until;
    this.#issues = new IncidentIssues(deps.commands, deps.context);
    this.#incidents = incidents;
    this.#position = position;
    this.#unfollow = deps.journal.follow((entries) => {
      if (entries.some(({ kind }) => kind === ALERT_EVENT)) this.#ask();
    });
    this.#ask();
  }

  /** Goes on where the run before ended; the first run, or one that is told `from`, begins with what comes behind that. */
  static async open(deps: AlertOpeningDeps, from?: number): Promise<AlertOpening> {
    const { journal } = deps;
    const { lastPosition } = journal;
    if (from !== undefined) {
      await journal.append([], [documentOfPosition(POSITION, from)]);
      return new AlertOpening(deps, new Map(), from);
    }
    const incidents = await storedIncidents(deps);
    const [position, until] = await Promise.all(
      [POSITION, UNTIL].map(async (key) => Number((await journal.document(POSITIONS, key))?.value ?? NaN)),
    );
    if (position <= lastPosition) {
      return new AlertOpening(deps, incidents, position, until <= lastPosition ? until : position);
    }
    await journal.append([], [documentOfPosition(POSITION, lastPosition)]);
    return new AlertOpening(deps, incidents, lastPosition);
  }

  /** Begins no round any more; resolves when the one under way is through. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unfollow();
    this.#cancelTimer?.();
    await this.#running;
  }

  #ask(): void {
    if (this.#isClosed || this.#cancelTimer !== null) return;
    if (this.#running !== null) {
      this.#isAskedAgain = true;
      return;
    }
    const sinceMs = this.#deps.clock.monotonicMs() - this.#roundAtMs;
    this.#runAfter(Math.max(GATHER_MS, ROUND_EVERY_MS - sinceMs));
  }

  #runAfter(delayMs: number): void {
    if (this.#isClosed) return;
    this.#cancelTimer = this.#deps.clock.after(delayMs, () => {
      this.#cancelTimer = null;
      this.#isAskedAgain = false;
      this.#roundAtMs = this.#deps.clock.monotonicMs();
      this.#running = this.#round().then(
        (isMore) => this.#ended(isMore ? GATHER_MS : null),
        (error: unknown) => {
          this.#deps.onTrouble(`what rules have opened cannot be told of their alerts: ${messageOf(error)}`);
          this.#ended((error instanceof WatchpostError ? error.retryAfterMs : undefined) ?? RETRY_AFTER_MS);
        },
      );
    });
  }

  #ended(nextInMs: number | null): void {
    this.#running = null;
    if (nextInMs !== null) this.#runAfter(nextInMs);
    else if (this.#isAskedAgain) this.#ask();
  }

  /** Resolves with whether there is more. */
  async #round(): Promise<boolean> {
    const { isMore, through, all } = await this.#gather();
    if (all.length > 0 && this.#until !== through) {
      await this.#deps.journal.append([], [documentOfPosition(UNTIL, through)]);
      this.#until = through;
    }
    for (let i = 0; i < all.length; i += INCIDENTS_AT_ONCE) {
      if (this.#isClosed) return false;
      const settled = await Promise.allSettled(all.slice(i, i + INCIDENTS_AT_ONCE).map((news) => this.#take(news)));
      const failed = settled.find(({ status }) => status === "rejected");
      if (failed?.status === "rejected") throw failed.reason;
    }
    if (through === this.#position) return isMore;
    const nowMs = this.#deps.clock.nowMs();
    const gone = [...this.#incidents.values()].filter(
      ({ overAtMs }) => overAtMs !== null && nowMs - overAtMs >= FORGET_AFTER_MS,
    );
    const removed = gone.map((incident) => ({ ...documentOfIncident(incident), value: null }));
    await this.#deps.journal.append([], [documentOfPosition(POSITION, through), ...removed]);
    this.#position = through;
    for (const { key } of gone) this.#incidents.delete(key);
    return isMore;
  }

  /** What the next entries say, by incident, of those that something was or is to be opened for. */
  async #gather(): Promise<{ isMore: boolean; through: number; all: IncidentNews[] }> {
    const { journal } = this.#deps;
    const byKey = new Map<string, IncidentNews>();
    const isIdle = this.#incidents.size === 0 && !this.#deps.openings.isAny();
    if (isIdle) return { isMore: false, through: journal.lastPosition, all: [] };
    let after = this.#position;
    const isAgain = this.#until > after;
    for (let pages = 0; pages < PAGES_A_ROUND; pages++) {
      const lastPosition = isAgain ? this.#until : journal.lastPosition;
      const query = { after, limit: ENTRIES_A_PAGE, kind: ALERT_EVENT };
      const entries = await journal.read(isAgain ? { ...query, before: lastPosition + 1 } : query);
      for (const entry of entries) {
        const alert = this.#read(`journal entry ${entry.position}`, () => alertNewsOf(entry));
        if (alert !== undefined) this.#add(byKey, alert);
      }
      const last = entries.at(-1)?.position ?? after;
      if (entries.length < ENTRIES_A_PAGE) {
        return { isMore: isAgain, through: Math.max(last, lastPosition), all: this.#wanted(byKey) };
      }
      after = last;
    }
    return { isMore: true, through: after, all: this.#wanted(byKey) };
  }

  #add(byKey: Map<string, IncidentNews>, alert: AlertNews): void {
    const key = keyOf(alert);
    if (alert.position <= (this.#incidents.get(key)?.through ?? 0)) return;
    let news = byKey.get(key);
    if (news === undefined) byKey.set(key, (news = noNews(alert)));
    const isOfRule = alert.change === "fired" && !alert.isPublished;
    addNews(news, alert, isOfRule ? this.#deps.openings.of(alert.rule) : []);
  }

  #wanted(byKey: ReadonlyMap<string, IncidentNews>): IncidentNews[] {
    return [...byKey.values()].filter(({ key, opens }) => opens.size > 0 || this.#incidents.has(key));
  }

  /** Throws what may be better later; what never is costs only that part of this incident's news. */
  async #take(news: IncidentNews): Promise<void> {
    const before = this.#incidents.get(news.key);
    let incident = incidentAfter(before, news, this.#deps.clock.nowMs());
    if (incident.sessionId === "" && news.opens.has("session")) {
      const sessionId = await this.#attempt(news, "has no session", () => this.#openSession(news));
      incident = { ...incident, sessionId: sessionId ?? "" };
    }
    const told = await this.#attempt(news, "is not told to its issue", () => this.#issues.take(news, incident));
    if (told !== undefined) incident = { ...incident, issue: told.issue, issueComments: told.issueComments };
    const rows: Rows = { events: [], changes: [documentOfIncident(incident)] };
    const isTold = await this.#attempt(news, "is not told to its session", () => this.#tell(news, incident, rows));
    if (isTold !== true) await this.#deps.journal.append(rows.events, rows.changes);
    this.#incidents.set(news.key, incident);
  }

  async #attempt<T>({ key }: IncidentNews, what: string, run: () => Promise<T>): Promise<T | undefined> {
    try {
      return await run();
    } catch (error) {
      if (error instanceof WatchpostError && PASSING.has(error.status)) throw error;
      this.#deps.onTrouble(`incident ${key} ${what}: ${messageOf(error)}`);
      return undefined;
    }
  }

  /** By the first letters of the incident; by all of them where that is another incident's. */
  async #openSession(news: IncidentNews): Promise<string> {
    const { sessions, context } = this.#deps;
    const { key, incidentId } = news;
    const kind = incidentId === "" ? "alert" : "incident";
    const opened = [titleOf(news.opener!), topicOf(news), context.principal.name] as const;
    const id = `${kind}-${key.slice(0, ID_LENGTH)}`;
    const { title, topic } = await sessions.open(id, ...opened);
    const about = incidentId === "" ? (topic?.alertIds ?? []) : (topic?.incidentIds ?? []);
    if (about.length > 0 && !about.includes(key)) {
      const whole = `${kind}-${key}`;
      await sessions.open(whole, ...opened);
      return whole;
    }
    // Somebody was there first.
    if (title === "") await this.#unlessClosed(() => sessions.entitle(id, ...opened));
    return id;
  }

  /** Whoever closed a session wants to hear no more of it. Resolves with whether it is open. */
  async #unlessClosed(run: () => Promise<unknown>): Promise<boolean> {
    try {
      await run();
      return true;
    } catch (error) {
      if (error instanceof WatchpostError && error.status === "FAILED_PRECONDITION") return false;
      throw error;
    }
  }

  /** Resolves with whether `rows` are kept. */
  async #tell(news: IncidentNews, incident: OpenedIncident, rows: Rows): Promise<boolean> {
    const { sessions, context } = this.#deps;
    if (incident.sessionId === "") return false;
    const draft: Draft = {
      type: "system",
      userId: context.principal.name,
      userName: "",
      text: newsText(news, incident),
      metadata: newsMetadata(news, incident),
    };
    return this.#unlessClosed(() => sessions.tell(incident.sessionId, draft, topicOf(news), rows));
  }

  #read<T>(what: string, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      this.#deps.onTrouble(`${what} cannot be read, and nothing is opened for it: ${messageOf(error)}`);
      return undefined;
    }
  }
}

async function storedIncidents({ journal, onTrouble }: AlertOpeningDeps): Promise<Map<string, OpenedIncident>> {
  const incidents = new Map<string, OpenedIncident>();
  for (let after: StoredDocument | undefined; ;) {
    const page = await journal.documents({
      collection: OPENED_INCIDENTS,
      limit: DOCUMENTS_AT_ONCE,
      ...(after === undefined ? {} : { after }),
    });
    for (const document of page) {
      try {
        incidents.set(document.key, incidentOf(document));
      } catch (error) {
        onTrouble(`what was opened for incident ${document.key} cannot be read: ${messageOf(error)}`);
      }
    }
    if (page.length < DOCUMENTS_AT_ONCE) return incidents;
    after = page[page.length - 1];
  }
}

function documentOfPosition(key: string, position: number): DocumentChange {
  return { collection: POSITIONS, key, sort: 0, value: String(position) };
}

function topicOf({ incidentId, alertIds, devices }: IncidentNews): MoreTopic {
  return { alertIds, incidentIds: incidentId === "" ? [] : [incidentId], devices: [...devices] };
}
