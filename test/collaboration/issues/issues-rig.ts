/** Issues over a journal in memory and sessions that only keep what they are told; calls as a transport makes them. */
import { ANONYMOUS } from "../../../src/wire/service.ts";
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { CollaborationJournal, Rows } from "../../../src/collaboration/collaboration-journal.ts";
import { Issues } from "../../../src/collaboration/issues/issues.ts";
import { issueMethods } from "../../../src/collaboration/issues/service.ts";
import {
  eventOf,
  messageOfEntry,
  type Draft,
  type SessionMessage,
} from "../../../src/collaboration/session-message.ts";
import { WatchpostError } from "../../../src/model/errors.ts";
import { SetAside } from "../../../src/model/set-aside.ts";
import { Collaboration } from "../../../src/wire/gen/collaboration_pb.ts";
import { IssueUpdateSchema, type Issue, type IssueUpdate } from "../../../src/wire/gen/issues_pb.ts";
import type { WatchIssuesRequestSchema } from "../../../src/wire/gen/issues_pb.ts";
import type { CallContext, MethodImpl } from "../../../src/wire/service.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { visibilityOf } from "../surroundings.ts";

export interface Told {
  readonly sessionId: string;
  readonly draft: Draft;
}

/** Sessions that are there, and whether each is open. */
export class ToySessions {
  readonly #journal: Pick<CollaborationJournal, "append">;
  readonly known = new Map<string, boolean>();
  readonly told: Told[] = [];

  constructor(journal: Pick<CollaborationJournal, "append">) {
    this.#journal = journal;
  }

  isOpen(sessionId: string): boolean {
    return this.known.get(sessionId) === true;
  }

  async post(sessionId: string, draft: Draft, rows: Rows = { events: [], changes: [] }): Promise<SessionMessage> {
    if (this.known.get(sessionId) === false)
      throw new WatchpostError("FAILED_PRECONDITION", `session ${sessionId} is closed`);
    const event = eventOf(draft, sessionId, this.told.length + 1, 0);
    const [entry] = await this.#journal.append([event, ...rows.events], rows.changes);
    this.known.set(sessionId, true);
    this.told.push({ sessionId, draft });
    return messageOfEntry(entry);
  }
}

export function contextOf(name = "anonymous", signal = new AbortController().signal): CallContext {
  return { signal, principal: { ...ANONYMOUS, name, isAuthenticated: false }, headers: new Map(), peer: "test" };
}

export class IssuesRig {
  readonly clock = new ManualClock();
  readonly journal: CollaborationJournal;
  readonly sessions: ToySessions;
  readonly troubles: string[] = [];
  issues!: Issues;
  methods: MethodImpl[] = [];

  private constructor(journal: CollaborationJournal) {
    this.journal = journal;
    this.sessions = new ToySessions(journal);
  }

  static async open(journal: CollaborationJournal = new MemoryJournal()): Promise<IssuesRig> {
    const rig = new IssuesRig(journal);
    await rig.restart();
    return rig;
  }

  /** Nothing stays but what is in the journal. */
  async restart(): Promise<void> {
    this.issues?.close();
    const { journal, sessions } = this;
    const onTrouble = (sentence: string) => void this.troubles.push(sentence);
    const setAside = new SetAside(onTrouble);
    const visibility = visibilityOf(this.clock);
    const nowMs = () => this.clock.nowMs();
    this.issues = await Issues.open({ journal, sessions, visibility, setAside, nowMs, onTrouble });
    this.methods = issueMethods({ issues: this.issues, journal, setAside, visibility });
  }

  async call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>> {
    const impl = this.methods.find((one) => one.method.localName === method.localName)!;
    const run = impl.run as (request: unknown, context: CallContext) => Promise<never>;
    return create(method.output, await run(create(method.input, request), contextOf()));
  }

  async make(request: MessageInitShape<typeof Collaboration.method.createIssue.input>): Promise<Issue> {
    return (await this.call(Collaboration.method.createIssue, { userId: "ann", ...request })).issue!;
  }

  async update(request: MessageInitShape<typeof Collaboration.method.updateIssue.input>): Promise<Issue> {
    return (await this.call(Collaboration.method.updateIssue, { userId: "ann", ...request })).issue!;
  }

  async get(number: bigint): Promise<Issue> {
    return (await this.call(Collaboration.method.getIssue, { number })).issue!;
  }

  /** What happened to an issue: "1 ann created=pump", "2 bob status:open=closed comment=done". */
  async timeline(number: bigint): Promise<string[]> {
    const { timeline } = await this.call(Collaboration.method.getIssue, { number });
    return timeline.map(({ revision, userId, changes }) => {
      const said = changes.map(({ field, before, after }) => `${field}${before && `:${before}`}=${after}`);
      return [revision, userId, ...said].join(" ");
    });
  }

  /** Numbers of a page. */
  async list(request: MessageInitShape<typeof Collaboration.method.listIssues.input> = {}) {
    const { issues, nextPage } = await this.call(Collaboration.method.listIssues, request);
    return { numbers: issues.map(({ number }) => Number(number)), nextPage };
  }

  watch(request: MessageInitShape<typeof WatchIssuesRequestSchema> = {}): Watcher {
    return new Watcher(this, request);
  }
}

/** A stream of WatchIssues; messages are taken when {@link take} asks, or as they come with {@link takeAll}. */
export class Watcher {
  readonly messages: IssueUpdate[] = [];
  /** "" while it goes on; "end", or how it failed. */
  ended = "";
  readonly #abort = new AbortController();
  readonly #source: AsyncIterator<MessageInitShape<typeof IssueUpdateSchema>>;

  constructor(rig: IssuesRig, request: MessageInitShape<typeof WatchIssuesRequestSchema>) {
    const { watchIssues } = Collaboration.method;
    const run = rig.methods.find(({ method }) => method.localName === watchIssues.localName)!.run as (
      request: unknown,
      context: CallContext,
    ) => AsyncIterable<never>;
    const context = contextOf("anonymous", this.#abort.signal);
    this.#source = run(create(watchIssues.input, request), context)[Symbol.asyncIterator]();
  }

  async take(): Promise<boolean> {
    try {
      const { done, value } = await this.#source.next();
      if (done === true) this.ended = "end";
      else this.messages.push(create(IssueUpdateSchema, value));
    } catch (error) {
      this.ended = String(error);
    }
    return this.ended === "";
  }

  takeAll(): this {
    void (async () => {
      while (await this.take());
    })();
    return this;
  }

  /** What came since the last call: "12 r3 status,comment removed", "mark". */
  async said(): Promise<string[]> {
    await rest();
    return this.messages.splice(0).map(saidOf);
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.#source.return?.();
  }
}

/** Everything that waits for nothing but its turn is done. */
export function rest(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

function saidOf({ issue, event, removed, snapshotEnd }: IssueUpdate): string {
  if (snapshotEnd) return "mark";
  const fields = event === undefined ? [] : [event.changes.map(({ field }) => field).join()];
  return [issue!.number, `r${issue!.revision}`, ...fields, ...(removed ? ["removed"] : [])].join(" ");
}

/** What a call fails with. */
export async function failureOf(run: Promise<unknown>): Promise<WatchpostError> {
  const error: unknown = await run.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof WatchpostError) return error;
  throw new Error(`wanted a WatchpostError, got ${String(error)}`);
}
