/** Annotations over a journal in memory, called as a transport does. */
import { ANONYMOUS } from "../../../src/wire/service.ts";
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { SetAside } from "../../../src/model/set-aside.ts";
import { AnnotationFeed } from "../../../src/collaboration/annotations/annotation-feed.ts";
import { annotationMethods } from "../../../src/collaboration/annotations/annotation-methods.ts";
import { Annotations, type AnnotationSessions } from "../../../src/collaboration/annotations/annotations.ts";
import type { CollaborationJournal } from "../../../src/collaboration/collaboration-journal.ts";
import { Serial } from "../../../src/model/serial.ts";
import { eventOf, messageOfEntry, type SessionMessage } from "../../../src/collaboration/session-message.ts";
import type { SessionPost } from "../../../src/collaboration/session-post.ts";
import { WatchpostError } from "../../../src/model/errors.ts";
import {
  AnnotationEventSchema,
  WatchAnnotationsRequestSchema,
  type Annotation,
  type AnnotationEvent,
  type CreateAnnotationRequestSchema,
  type ListAnnotationsRequestSchema,
} from "../../../src/wire/gen/annotations_pb.ts";
import { Collaboration } from "../../../src/wire/gen/collaboration_pb.ts";
import type { CallContext, MethodImpl } from "../../../src/wire/service.ts";
import { timestampOfMs } from "../../../src/wire/timestamp.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { visibilityOf } from "../surroundings.ts";

export const START_MS = Date.UTC(2026, 0, 1);
export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Minutes after 2026 began. */
export const at = (minutes: number) => timestampOfMs(START_MS + minutes * MINUTE_MS);

/** Sessions that number what is posted, one after the other, until they are closed. */
class Sessions implements AnnotationSessions {
  readonly closed = new Set<string>();
  readonly said: SessionMessage[] = [];
  readonly #serial = new Serial();
  readonly #numbers = new Map<string, number>();
  readonly #journal: CollaborationJournal;
  readonly #clock: ManualClock;

  constructor(journal: CollaborationJournal, clock: ManualClock) {
    this.#journal = journal;
    this.#clock = clock;
  }

  post: SessionPost["post"] = (sessionId, draft, rows = { events: [], changes: [] }) =>
    this.#serial.run(sessionId, async () => {
      if (this.closed.has(sessionId)) throw new WatchpostError("FAILED_PRECONDITION", `${sessionId} is closed`);
      const number = (this.#numbers.get(sessionId) ?? 0) + 1;
      const event = eventOf(draft, sessionId, number, this.#clock.nowMs());
      const [entry] = await this.#journal.append([event, ...rows.events], rows.changes);
      this.#numbers.set(sessionId, number);
      const message = messageOfEntry(entry);
      this.said.push(message);
      return message;
    });

  async session(sessionId: string): Promise<unknown> {
    const messages = this.#numbers.get(sessionId);
    if (messages === undefined) throw new WatchpostError("NOT_FOUND", `there is no ${sessionId}`);
    return messages;
  }

  forget(sessionId: string): void {
    this.#numbers.delete(sessionId);
  }

  /** "lobby 1 chat ann: text create", what was said since the last call. */
  told(): string[] {
    return this.said.splice(0).map(({ sessionId, number, type, userId, text, metadata, annotation }) => {
      const revision = annotation === undefined ? "" : ` r${annotation.revision}`;
      return `${sessionId} ${number} ${type} ${userId}: ${text} ${metadata["action"] ?? ""}${revision}`;
    });
  }
}

export class AnnotationsRig {
  readonly clock = new ManualClock(START_MS);
  readonly journal: CollaborationJournal;
  readonly sessions: Sessions;
  readonly troubles: string[] = [];
  annotations!: Annotations;
  methods!: MethodImpl[];
  #count = 0;

  constructor(journal: CollaborationJournal = new MemoryJournal()) {
    this.journal = journal;
    this.sessions = new Sessions(journal, this.clock);
    this.restart();
  }

  /** Nothing but the journal goes on. */
  restart(): void {
    const { journal, sessions, clock } = this;
    const setAside = new SetAside((sentence) => this.troubles.push(sentence));
    const newId = () => `id-${String(++this.#count).padStart(4, "0")}`;
    const visibility = visibilityOf(clock);
    this.annotations = new Annotations({ journal, sessions, visibility, clock, setAside, newId });
    const feed = new AnnotationFeed(journal, setAside);
    this.methods = annotationMethods({ annotations: this.annotations, journal, feed, setAside, visibility });
  }

  async call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>> {
    const run = this.#runOf(method.localName) as (request: unknown, context: CallContext) => Promise<never>;
    return create(method.output, await run(create(method.input, request), contextOf(new AbortController().signal)));
  }

  async create(request: MessageInitShape<typeof CreateAnnotationRequestSchema>): Promise<Annotation> {
    const given = { userId: "ann", text: "a note", ...request };
    const { annotation } = await this.call(Collaboration.method.createAnnotation, given);
    return annotation!;
  }

  async list(request: MessageInitShape<typeof ListAnnotationsRequestSchema> = {}): Promise<string[]> {
    const { annotations } = await this.call(Collaboration.method.listAnnotations, request);
    return annotations.map(({ text }) => text);
  }

  watch(request: MessageInitShape<typeof WatchAnnotationsRequestSchema>, isSlow = false): Watcher {
    const run = this.#runOf("watchAnnotations") as (request: unknown, context: CallContext) => AsyncIterable<never>;
    return new Watcher((signal) => run(create(WatchAnnotationsRequestSchema, request), contextOf(signal)), isSlow);
  }

  #runOf(name: string): unknown {
    return this.methods.find(({ method }) => method.localName === name)!.run;
  }
}

/** A stream whose events are taken as they come; or, with `isSlow`, when {@link Watcher.take} asks. */
export class Watcher {
  readonly events: AnnotationEvent[] = [];
  /** "" while it goes on; "end", or how it failed. */
  ended = "";
  readonly #abort = new AbortController();
  readonly #source: AsyncIterator<MessageInitShape<typeof AnnotationEventSchema>>;

  constructor(
    run: (signal: AbortSignal) => AsyncIterable<MessageInitShape<typeof AnnotationEventSchema>>,
    isSlow: boolean,
  ) {
    this.#source = run(this.#abort.signal)[Symbol.asyncIterator]();
    if (!isSlow) void this.#takeAll();
  }

  async take(): Promise<boolean> {
    try {
      const { done, value } = await this.#source.next();
      if (done === true) this.ended = "end";
      else this.events.push(create(AnnotationEventSchema, value));
    } catch (error) {
      this.ended = String(error);
    }
    return this.ended === "";
  }

  /** What came since the last call: "text r1", "snapshot end". */
  async said(): Promise<string[]> {
    await rest();
    return this.events.splice(0).map(({ annotation, removed, snapshotEnd }) => {
      if (snapshotEnd) return "snapshot end";
      return `${annotation!.text} r${annotation!.revision}${removed ? " removed" : ""}`;
    });
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.#source.return?.();
  }

  async #takeAll(): Promise<void> {
    while (await this.take());
  }
}

export function contextOf(signal: AbortSignal): CallContext {
  return {
    signal,
    principal: { ...ANONYMOUS, name: "caller", isAuthenticated: false },
    headers: new Map(),
    peer: "test",
  };
}

/** Everything that waits for nothing but its turn is done. */
export function rest(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

/** How a call failed: "STATUS message". */
export async function failureOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    (value) => `no failure: ${JSON.stringify(value, (_, v: unknown) => (typeof v === "bigint" ? String(v) : v))}`,
    (error: unknown) => (error instanceof WatchpostError ? `${error.status} ${error.message}` : String(error)),
  );
}
