/** Sessions and issues of incidents over a journal in memory, with rooms as the server has them, and crashes at any step. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Rooms } from "../../../src/collaboration/rooms.ts";
import { AlertOpening } from "../../../src/collaboration/opening/alert-opening.ts";
import type { Opening } from "../../../src/collaboration/opening/incident-news.ts";
import { incidentSessions } from "../../../src/collaboration/opening/incident-sessions.ts";
import { messageOfEntry, type SessionMessage } from "../../../src/collaboration/session-message.ts";
import type { CollaborationJournal } from "../../../src/collaboration/collaboration-journal.ts";
import type { Clock } from "../../../src/model/clock.ts";
import { WatchpostError } from "../../../src/model/errors.ts";
import { commandsOf } from "../../../src/wire/call-method.ts";
import { Collaboration } from "../../../src/wire/gen/collaboration_pb.ts";
import {
  IssueCommentSchema,
  IssueLinksSchema,
  IssueSchema,
  IssueStatus,
  type Issue,
} from "../../../src/wire/gen/issues_pb.ts";
import { unary, type CallContext, type MethodImpl } from "../../../src/wire/service.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";

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
  /** What was created, for good. */
  readonly issues: Issue[] = [];
  readonly opens = new Map<string, readonly Opening[]>();
  readonly trouble: string[] = [];
  /** Thrown by calls of issues while it is set. */
  issueFailure: WatchpostError | null = null;
  calls: string[] = [];
  rooms!: Rooms;
  #life = new Life();
  #opening: AlertOpening | null = null;

  /** `stepsLeft`: how much is written before a crash. */
  async open(stepsLeft = Infinity): Promise<void> {
    const life = (this.#life = new Life());
    life.stepsLeft = stepsLeft;
    const journal = this.#journalOf(life);
    const clock = this.#clockOf(life);
    this.rooms = await Rooms.open({
      journal,
      clock,
      messagesPerSecond: 10,
      newStreamId: () => "stream",
      onTrouble: (sentence) => this.trouble.push(sentence),
      onJoined: () => {},
      onBehind: () => {},
    });
    const context: CallContext = {
      signal: new AbortController().signal,
      principal: { name: "watchpost", isAuthenticated: true },
      headers: new Map(),
      peer: "",
    };
    const opening = AlertOpening.open({
      journal,
      clock,
      sessions: incidentSessions(this.rooms),
      commands: commandsOf(this.#issueMethods(life)),
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

  #issueMethods(life: Life): MethodImpl[] {
    const M = Collaboration.method;
    const writing = <T>(name: string, run: () => T) =>
      life.step(async () => {
        this.calls.push(name);
        if (this.issueFailure !== null) throw this.issueFailure;
        return run();
      });
    const get = (number: bigint) => {
      const at = this.issues.findIndex((issue) => issue.number === number);
      if (at < 0) throw new WatchpostError("NOT_FOUND", `there is no issue ${number}`);
      return at;
    };
    return [
      unary(M.getIssue, async ({ number }) => ({ issue: this.issues[get(number)] })),
      unary(M.listIssues, async ({ filter }) => {
        const { statuses, alertId } = filter!;
        return {
          issues: this.issues.filter(
            ({ status, links }) => statuses.includes(status) && links!.alertIds.includes(alertId),
          ),
        };
      }),
      unary(M.createIssue, ({ title, description, priority, links, sessionId }, { principal }) =>
        writing("create", () => {
          const sessionIds = [...(links?.sessionIds ?? []), ...(sessionId === "" ? [] : [sessionId])];
          const issue = create(IssueSchema, {
            ...{ number: BigInt(this.issues.length + 1), title, description, priority, createdBy: principal.name },
            status: IssueStatus.OPEN,
            links: { ...linksOf(links), sessionIds },
          });
          this.issues.push(issue);
          return { issue };
        }),
      ),
      unary(M.updateIssue, ({ number, priority, addLinks, comment }, { principal }) =>
        writing("update", () => {
          const at = get(number);
          const { links, comments, ...rest } = this.issues[at];
          const [before, added] = [linksOf(links), linksOf(addLinks)];
          this.issues[at] = create(IssueSchema, {
            ...rest,
            priority: priority ?? rest.priority,
            links: create(IssueLinksSchema, {
              alertIds: [...new Set([...before.alertIds, ...added.alertIds])],
              devices: [...new Set([...before.devices, ...added.devices])],
              sessionIds: [...new Set([...before.sessionIds, ...added.sessionIds])],
            }),
            comments:
              comment === ""
                ? comments
                : [...comments, create(IssueCommentSchema, { userId: principal.name, text: comment })],
          });
          return { issue: this.issues[at] };
        }),
      ),
    ];
  }
}

function linksOf(links: MessageInitShape<typeof IssueLinksSchema> | undefined) {
  const { alertIds = [], devices = [], sessionIds = [] } = links ?? {};
  return { alertIds, devices, sessionIds };
}
