/** A session as one is in it: what is said and who is there, followed for as long as it is open. */
import { Code, ConnectError, type CallOptions } from "@connectrpc/connect";
import { computed, effect, signal } from "@preact/signals";
import {
  Collaboration,
  SessionState,
  type CollaborationMessage,
  type Session,
} from "../../wire/gen/collaboration_pb.ts";
import { IssueStatus, type Issue } from "../../wire/gen/issues_pb.ts";
import { collaborationApi, link } from "../api.ts";
import { following } from "../follow.ts";
import { serverNowMs } from "../now.ts";
import { pause } from "../stream-follower.ts";
import { OpenedMessages } from "./opened-messages.ts";
import type { Outbox } from "./outbox.ts";
import { membersAfter, membersAsTold, type Members } from "./present.ts";
import { EMPTY_LOG, LOADED_MAX, withEarlier, withLast, withLive, withSnapshot, type RoomLog } from "./room-log.ts";
import { cipherOf, learn } from "./session-keys.ts";
import { untilAnswered } from "./until-answered.ts";
import { may } from "../who.ts";

const SNAPSHOT = 100;
const PAGE = 200;
const PASS_WITHIN_MS = 15_000;
const SHOWN_EVERY_MS = 100;
const [AGAIN_FIRST_MS, AGAIN_MAX_MS] = [500, 10_000];
const LEAVE_WITHIN_MS = 3_000;
const TYPING_SHOWN_MS = 6_000;
const TYPING_EVERY_MS = 3_000;
/** Of what the server does to a session: it is asked how it is then. */
const CHANGES = new Set(["created", "closed", "reopened", "topic", "rekeyed"]);

export class Room {
  readonly id: string;
  readonly userId: string;
  /** Undefined: not known yet. */
  readonly session = signal<Session>();
  /** "": it can be shown. */
  readonly failure = signal("");
  /** There is no such session. */
  readonly isUnknown = signal(false);
  readonly log = signal<RoomLog>(EMPTY_LOG);
  /** Undefined: not known yet. */
  readonly cipher = computed(() => cipherOf(this.id));
  readonly #opened = new OpenedMessages();
  /** Those of the log, as they can be read. */
  readonly messages = computed(() => this.#opened.of(this.log.value.messages, this.cipher.value));
  readonly isKnown = signal(false);
  readonly members = signal<Members>(new Map());
  /** That are not closed. */
  readonly issues = signal<ReadonlyMap<bigint, Issue>>(new Map());
  /** Until when each is believed to. */
  readonly typing = signal<ReadonlyMap<string, number>>(new Map());
  readonly outbox: Outbox;
  readonly isImported = computed(() => this.session.value?.state === SessionState.IMPORTED);
  readonly #over = new AbortController();
  /** What the server calls the present stream. */
  #streamId = "";
  #isLeaving = false;
  #snapshot: CollaborationMessage[] | undefined;
  /** Said a moment ago: many that come at once are shown at once. */
  #coming: CollaborationMessage[] = [];
  #typingToldMs = -Infinity;
  #told: Record<string, string> = {};

  /** Of whoever is here, under another name: the server ends it when this one comes in. */
  #before: Room | undefined;

  /** `outbox`: of the session, whoever writes in it. */
  constructor(id: string, userId: string, outbox: Outbox, before?: Room) {
    [this.id, this.userId, this.outbox, this.#before] = [id, userId, outbox, before];
    void this.#enter();
    const stop = effect(() => {
      if (this.session.value !== undefined && this.cipher.value === undefined) void learn(this.session.value);
    });
    this.#over.signal.addEventListener("abort", stop);
  }

  /** The others see it at once, where they can be told. What was written is still sent. */
  leave(): void {
    const { id: sessionId, userId } = this;
    this.#isLeaving = true;
    this.#before?.leave();
    const told = collaborationApi.leaveSession(
      { sessionId, userId, streamId: this.#streamId },
      { signal: AbortSignal.timeout(LEAVE_WITHIN_MS) },
    );
    void told.catch(() => {}).finally(() => this.#over.abort());
  }

  /** Somebody else takes its place: it does not come back by itself. Returns what the server calls its stream. */
  standDown(): string {
    this.#isLeaving = true;
    return this.#streamId;
  }

  /** Nothing of it goes on; the server knows. */
  end(): void {
    this.#over.abort();
  }

  /** One page back. Throws what the server refuses it with. */
  async readEarlier(): Promise<void> {
    const { signal } = this.#over;
    const first = this.log.peek().messages[0]?.number;
    const isEarlier = ({ number }: CollaborationMessage) => first === undefined || number < first;
    // Messages of a snapshot say nothing of where they are: then the last ones are passed.
    let before = this.log.peek().messages[0]?.cursor ?? "";
    let limit = before === "" ? PAGE + this.log.peek().messages.length : PAGE;
    for (;;) {
      const { messages, more } = await collaborationApi.listMessages(
        { sessionId: this.id, before, limit: Math.min(1_000, limit) },
        { signal },
      );
      if (!more || messages.some(isEarlier)) {
        messages.forEach(({ metadata }) => this.outbox.arrived(metadata["client_message_id"] ?? ""));
        this.log.value = withEarlier(this.log.peek(), messages, more);
        return;
      }
      before = messages[0].cursor;
      limit = PAGE;
    }
  }

  /** Back to what was said last. */
  async readLast(): Promise<void> {
    const { signal } = this.#over;
    const { messages, more } = await collaborationApi.listMessages({ sessionId: this.id, limit: PAGE }, { signal });
    this.log.value = withLast(this.log.peek(), messages, more);
  }

  /** Tells the others what is looked at; nobody waits for it, and it is told again where the connection was lost. */
  look(telling: Record<string, string>): void {
    if (JSON.stringify(telling) === JSON.stringify(this.#told)) return;
    this.#told = telling;
    this.#pass("cursor", telling);
  }

  isTyping(nowMs: number): void {
    if (nowMs - this.#typingToldMs < TYPING_EVERY_MS) return;
    this.#typingToldMs = nowMs;
    this.#pass("typing", {});
  }

  async refresh(): Promise<void> {
    const { signal } = this.#over;
    const { session } = await collaborationApi.getSession({ sessionId: this.id }, { signal });
    await learn(session!);
    this.session.value = session;
    this.members.value = membersAsTold(this.members.peek(), session!.members);
  }

  async #enter(): Promise<void> {
    const { signal } = this.#over;
    const isReady = async (asked: number) => {
      await link.up(signal);
      if (asked > 0) await pause(Math.min(AGAIN_MAX_MS, AGAIN_FIRST_MS * 2 ** asked), signal);
    };
    const fail = (error: unknown) => {
      const { code, rawMessage } = ConnectError.from(error);
      if (signal.aborted) return;
      this.isUnknown.value = code === Code.NotFound;
      this.failure.value = code === Code.NotFound ? `There is no session ${this.id}.` : rawMessage;
    };
    try {
      await untilAnswered(() => this.refresh(), signal, isReady);
    } catch (error) {
      // The lobby is made by whoever comes first.
      if (this.id !== LOBBY || ConnectError.from(error).code !== Code.NotFound) return fail(error);
    }
    if (this.isImported.peek()) {
      await untilAnswered(() => this.#readImported(), signal, isReady).catch(fail);
      this.isKnown.value = true;
      return;
    }
    const stop = following<CollaborationMessage>("the session", {
      open: (cursor, options) => this.#open(cursor, options),
      hear: (message) => this.#hear(message),
    })();
    if (this.#over.signal.aborted) stop();
    this.#over.signal.addEventListener("abort", stop);
  }

  async *#open(cursor: string, options: CallOptions): AsyncGenerator<CollaborationMessage> {
    const { id: sessionId, userId } = this;
    const insteadOf = this.#before?.standDown() ?? "";
    const asked = { sessionId, userId, userName: userId, cursor, last: SNAPSHOT, insteadOf };
    if (!this.#isLeaving) yield* collaborationApi.watchSession(asked, options);
    // It has ended as it was meant to: it is not opened again.
    if (this.#isLeaving) await new Promise((resolve) => options.signal!.addEventListener("abort", resolve));
  }

  /** Nobody is in it and nothing is added to it: what was said stands in its file, which a replay reads. */
  async #readImported(): Promise<void> {
    const messages: CollaborationMessage[] = [];
    const asked = { sessionId: this.id, metrics: ["-"] };
    for await (const { event } of collaborationApi.replaySession(asked, { signal: this.#over.signal })) {
      if (event.case === "message") messages.push(event.value);
      if (messages.length > LOADED_MAX) messages.shift();
    }
    this.log.value = withLast(EMPTY_LOG, messages, false);
  }

  #hear(message: CollaborationMessage): void {
    const { metadata, messageType, number, userId, issue } = message;
    const event = messageType === "system" ? (metadata["event"] ?? "") : "";
    this.members.value = membersAfter(this.members.peek(), message);
    if (event === "snapshot") this.#snapshot = [];
    if (event === "snapshot") this.issues.value = new Map();
    if (issue !== undefined) this.#hasIssue(issue);
    if (messageType === "typing" && userId !== this.userId) this.#types(userId, serverNowMs() + TYPING_SHOWN_MS);
    if (number > 0n) {
      this.outbox.arrived(metadata["client_message_id"] ?? "");
      if (messageType === "chat") this.#types(userId, 0);
      if (this.#snapshot === undefined) this.#showSoon(message);
      else this.#snapshot.push(message);
    }
    if (event === "snapshot_end") {
      this.#coming = [];
      this.log.value = withSnapshot(this.log.peek(), this.#snapshot ?? []);
      this.#snapshot = undefined;
    }
    this.#streamId = metadata["stream_id"] ?? this.#streamId;
    if (event === "snapshot_end" || event === "resumed") this.#joined();
    if (CHANGES.has(event)) void this.refresh().catch(() => {});
  }

  #showSoon(message: CollaborationMessage): void {
    if (this.#coming.push(message) > 1) return;
    setTimeout(() => {
      this.log.value = this.#coming.reduce(withLive, this.log.peek());
      this.#coming = [];
    }, SHOWN_EVERY_MS);
  }

  #joined(): void {
    this.#before?.end();
    this.#before = undefined;
    this.isKnown.value = true;
    this.outbox.clearSent();
    this.outbox.hurry();
    if (Object.keys(this.#told).length > 0) this.#pass("cursor", this.#told);
    // What members look at passes by: what was missed of it is asked for.
    void this.refresh().catch(() => {});
  }

  #hasIssue(issue: Issue): void {
    const issues = new Map(this.issues.peek());
    if (issue.status === IssueStatus.CLOSED) issues.delete(issue.number);
    else issues.set(issue.number, issue);
    this.issues.value = issues;
  }

  #types(userId: string, untilMs: number): void {
    if (untilMs === 0 && !this.typing.peek().has(userId)) return;
    const typing = new Map(this.typing.peek());
    if (untilMs === 0) typing.delete(userId);
    else typing.set(userId, untilMs);
    this.typing.value = typing;
  }

  #pass(messageType: string, metadata: Record<string, string>): void {
    const { id: sessionId, userId } = this;
    // Who only listens is not seen looking around.
    if (!may(Collaboration.method.sendMessage)) return;
    void collaborationApi
      .sendMessage({ sessionId, userId, messageType, metadata }, { signal: AbortSignal.timeout(PASS_WITHIN_MS) })
      .catch(() => {});
  }
}

export const LOBBY = "lobby";
