/** Sessions and issues of incidents over a journal in memory, as the server has them, and crashes at any step. */
import { ANONYMOUS } from "../../../src/wire/service.ts";
import { memberLimit, RateLimits } from "../../../src/collaboration/rate-limit.ts";
import { KeptMessages } from "../../../src/collaboration/kept-messages.ts";
import { SetAside } from "../../../src/model/set-aside.ts";
import { issueOfDocument, ISSUES } from "../../../src/collaboration/issues/issue-documents.ts";
import { Issues } from "../../../src/collaboration/issues/issues.ts";
import { issueMethods } from "../../../src/collaboration/issues/service.ts";
import { Rooms } from "../../../src/collaboration/rooms.ts";
import { AlertOpening } from "../../../src/collaboration/opening/alert-opening.ts";
import type { Opening } from "../../../src/collaboration/opening/incident-news.ts";
import { incidentSessions } from "../../../src/collaboration/opening/incident-sessions.ts";
import { messageOfEntry, type SessionMessage } from "../../../src/collaboration/session-message.ts";
import type { CollaborationJournal } from "../../../src/collaboration/collaboration-journal.ts";
import type { Clock } from "../../../src/model/clock.ts";
import { WatchpostError } from "../../../src/model/errors.ts";
import { commandsOf, type Commands } from "../../../src/wire/call-method.ts";
import { SessionState } from "../../../src/wire/gen/collaboration_pb.ts";
import type { Issue } from "../../../src/wire/gen/issues_pb.ts";
import type { CallContext } from "../../../src/wire/service.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { visibilityOf } from "../surroundings.ts";

export interface GivenAlert {
  readonly id: string;
  readonly incident?: string;
  readonly rule?: string;
  readonly severity?: string;
  readonly title?: string;
  readonly device?: string;
  readonly isPublished?: boolean;
}

const NEVER = new Promise<never>(() => {});

/** One life of the server: after its end nothing of it happens any more. */
class Life {
  isOver = false;
  /** It ends before so many more things are written. */
  stepsLeft = Infinity;

  async step<T>(run: () => Promise<T>): Promise<T> {
    if (this.stepsLeft-- <= 0) this.isOver = true;
    return this.isOver ? NEVER : run();
  }
}

export class OpeningRig {
  readonly clock = new ManualClock();
  readonly journal = new MemoryJournal();
  readonly opens = new Map<string, readonly Opening[]>();
  readonly trouble: string[] = [];
  /** Thrown by changes of issues while it is set. */
  issueFailure: WatchpostError | null = null;
  /** Changes of issues that were asked for. */
  issueCalls = 0;
  rooms!: Rooms;
  issues!: Issues;
  #life = new Life();
  #opening: AlertOpening | null = null;

  /** `stepsLeft`: how much is written before a crash. */
  async open(stepsLeft = Infinity): Promise<void> {
    const life = (this.#life = new Life());
    life.stepsLeft = stepsLeft;
    const journal = this.#journalOf(life);
    const clock = this.#clockOf(life);
    const onTrouble = (sentence: string) => void this.trouble.push(sentence);
    this.rooms = await Rooms.open({
      journal,
      kept: new KeptMessages(journal, onTrouble),
      clock,
      limits: new RateLimits(() => memberLimit(10, clock.monotonicMs())),
      newStreamId: () => "stream",
      onTrouble: (sentence) => this.trouble.push(sentence),
      onJoined: () => {},
      onBehind: () => {},
      onTopic: () => {},
    });
    const { rooms } = this;
    const setAside = new SetAside((sentence) => this.trouble.push(sentence));
    const visibility = visibilityOf(clock);
    this.issues = await Issues.open({
      journal,
      visibility,
      setAside,
      sessions: {
        post: (...posted) => rooms.post(...posted),
        isOpen: async (id) => (await rooms.session(id)).state === SessionState.OPEN,
      },
      nowMs: () => clock.nowMs(),
      onTrouble: (sentence) => this.trouble.push(sentence),
    });
    const served = commandsOf(issueMethods({ issues: this.issues, journal, setAside, visibility }));
    const commands: Commands = async (method, request, given) => {
      if (method.name === "CreateIssue" || method.name === "UpdateIssue") {
        this.issueCalls++;
        if (this.issueFailure !== null) throw this.issueFailure;
      }
      return served(method, request, given);
    };
    const context: CallContext = {
      signal: new AbortController().signal,
      principal: { ...ANONYMOUS, name: "watchpost", isAuthenticated: true },
      headers: new Map(),
      peer: "",
    };
    const opening = AlertOpening.open({
      journal,
      clock,
      sessions: incidentSessions(this.rooms),
      commands,
      context,
      openings: {
        of: (rule) => this.opens.get(rule) ?? [],
        isAny: () => [...this.opens.values()].some(({ length }) => length > 0),
      },
      onTrouble: (sentence) => this.trouble.push(sentence),
    });
    this.#opening = await Promise.race([opening, this.settle().then(() => null)]);
  }

  get isCrashed(): boolean {
    return this.#life.isOver;
  }

  crash(): void {
    this.#life.isOver = true;
  }

  async close(): Promise<void> {
    await this.#opening!.close();
    await this.rooms.close();
    this.issues.close();
    this.crash();
  }

  fire(alert: GivenAlert): Promise<unknown> {
    return this.write("fired", alert);
  }

  clear(alert: GivenAlert, because = "resolved", actor = ""): Promise<unknown> {
    return this.write("cleared", alert, because, actor);
  }

  write(change: string, alert: GivenAlert, because = "", actor = ""): Promise<unknown> {
    return this.journal.append([this.event(change, alert, because, actor)]);
  }

  /** As alerts write them down. */
  event(change: string, given: GivenAlert, because = "", actor = "") {
    const {
      id,
      incident = "",
      rule = "hot",
      severity = "high",
      title = `${id} is hot`,
      device = "pump-1",
      ...more
    } = given;
    const atMs = this.clock.nowMs();
    const says = { labels: { device }, title, description: "", runbook: "" };
    const ended = because === "" ? {} : { clearedAtMs: atMs, clearedBecause: because };
    const alert = {
      id,
      rule,
      sinceMs: atMs,
      firedAtMs: atMs,
      updatedAtMs: atMs,
      severity,
      incidentId: incident,
      ...more,
      ...ended,
      says,
    };
    const payload = JSON.stringify({ change, text: "", before: null, alert });
    return { atMs, kind: "alert", subject: id, actor, payload };
  }

  /** Lets time pass, with turns for everything that waits for nothing else. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 100) {
      this.clock.advance(Math.min(100, left));
      await this.settle();
    }
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
  }

  messages(sessionId: string): SessionMessage[] {
    return this.journal.entries
      .filter(({ kind, subject }) => kind === "session" && subject === sessionId)
      .map(messageOfEntry);
  }

  /** What sessions were told of alerts. */
  told(sessionId: string): string[] {
    return this.messages(sessionId)
      .filter(({ metadata }) => metadata["event"] === "alerts")
      .map(({ text }) => text);
  }

  /** All there are, the first one first. */
  async allIssues(): Promise<Issue[]> {
    return (await this.journal.documents({ collection: ISSUES, limit: 1_000 })).map(issueOfDocument);
  }

  /** Ids of all sessions that there are. */
  sessions(): string[] {
    return [...new Set(this.journal.entries.filter(({ kind }) => kind === "session").map(({ subject }) => subject))];
  }

  #journalOf(life: Life): CollaborationJournal {
    const { journal } = this;
    return {
      append: (events, changes) => life.step(() => journal.append(events, changes)),
      read: (query) => journal.read(query),
      documents: (query) => journal.documents(query),
      document: (collection, key) => journal.document(collection, key),
      follow: (listener) =>
        journal.follow((entries) => {
          if (!life.isOver) listener(entries);
        }),
      cursorOf: (position) => journal.cursorOf(position),
      positionOf: (cursor) => journal.positionOf(cursor),
      get lastPosition() {
        return journal.lastPosition;
      },
      get firstPosition() {
        return journal.firstPosition;
      },
    };
  }

  #clockOf(life: Life): Clock {
    return {
      nowMs: () => this.clock.nowMs(),
      monotonicMs: () => this.clock.monotonicMs(),
      after: (delayMs, run) =>
        this.clock.after(delayMs, () => {
          if (!life.isOver) run();
        }),
    };
  }
}
