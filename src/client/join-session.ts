/** A member of a session, also over restarts of the server: goes on behind the last message, and what was not confirmed is sent again. */
import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import type { ClientDuplexStream, ClientReadableStream } from "@grpc/grpc-js";
import type { Clock } from "../model/clock.ts";
import { WatchpostError, type StatusName } from "../model/errors.ts";
import { systemClock } from "../model/system-clock.ts";
import {
  Collaboration,
  CollaborationMessageSchema,
  SessionRequestSchema,
  type CollaborationMessage,
} from "../wire/gen/collaboration_pb.ts";
import { errorOf } from "../wire/call-error.ts";
import { ask } from "./ask.ts";
import { memberWithoutKey, type MessageCipher } from "../wire/message-cipher.ts";
import type { Connection } from "./connection.ts";
import { NewsQueue } from "./news-queue.ts";
import { systemEventOf, type SessionNews } from "./session-news.ts";
import { UnconfirmedMessages } from "./unconfirmed-messages.ts";

export interface JoinOptions {
  /** "": lobby. */
  readonly sessionId: string;
  readonly userId: string;
  readonly userName?: string;
  /** Messages in a snapshot; missing: as many as the server likes. */
  readonly last?: number;
  /** Of the last message that was handled: begins behind it, without a snapshot. */
  readonly cursor?: string;
  /** It only listens, which those may who only read: nothing can be sent. */
  readonly isListening?: boolean;
  /** Of an encrypted session; missing: what is sealed cannot be read, and nothing can be said. */
  readonly cipher?: MessageCipher;
  /** Ends it at once. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

/** What is kept: its type, text and whatever else the server takes of its type. */
export type MessageDraft = Pick<
  MessageInitShape<typeof CollaborationMessageSchema>,
  "messageType" | "message" | "metadata" | "annotation" | "issue" | "sealed"
>;

type Duplex = ClientDuplexStream<Uint8Array, Uint8Array>;
type Call = Duplex | ClientReadableStream<Uint8Array>;
type Snapshot = Extract<SessionNews, { kind: "snapshot" }>;

/** News that wait for their reader; with more of them the server is held back. */
const NEWS_MAX = 1_000;
const HEARTBEAT_MS = 30_000;
/** Where the server does not say. */
const RETRY_AFTER_MS = 1_000;
const LEAVE_WITHIN_MS = 3_000;
const LOBBY = "lobby";

/** Joins, and is a member until {@link SessionMember.leave} or until `signal` aborts. */
export function joinSession(connection: Connection, options: JoinOptions): SessionMember {
  return new SessionMember(connection, options);
}

export class SessionMember implements AsyncIterable<SessionNews> {
  readonly #connection: Connection;
  readonly #options: JoinOptions;
  readonly #clock: Clock;
  readonly #cipher: MessageCipher;
  readonly #news = new NewsQueue<SessionNews>(NEWS_MAX);
  readonly #unconfirmed = new UnconfirmedMessages();
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  /** While it is joined, and may send. */
  #call: Duplex | undefined;
  /** What the server calls the present stream, where it only listens. */
  #listeningId = "";
  /** While one comes. */
  #snapshot: Snapshot | undefined;
  /** Oneself, as others see it. */
  #self: { readonly userId: string; readonly userName: string };
  #cursor: string;
  #number = 0n;
  /** The client_message_id of what was sent over the present stream and is not confirmed; "": nothing. */
  #underWay = "";
  #isLeaving = false;
  #failure: WatchpostError | undefined;

  constructor(connection: Connection, options: JoinOptions) {
    const { cursor = "", signal, clock = systemClock, cipher = memberWithoutKey() } = options;
    this.#connection = connection;
    this.#options = options;
    this.#clock = clock;
    this.#cipher = cipher;
    this.#self = { userId: options.userId, userName: options.userName ?? "" };
    this.#cursor = cursor;
    const stop = () => this.#stop.abort();
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
    this.#ended = this.#run()
      .then(
        () => this.#news.end(),
        (error: unknown) => {
          this.#failure = errorOf(error);
          this.#unconfirmed.fail(this.#failure);
          this.#news.fail(this.#failure);
        },
      )
      .finally(() => {
        this.#unconfirmed.fail(new WatchpostError("CANCELLED", "the session was left before this was confirmed"));
        signal?.removeEventListener("abort", stop);
      });
  }

  /** Who it is for others: where who one is has to be proven that may be another one than was given. */
  get userId(): string {
    return this.#self.userId;
  }

  /** What its reader, and whoever sends, is thrown; undefined: it goes on, or was left. */
  get failure(): WatchpostError | undefined {
    return this.#failure;
  }

  /** Messages that are not confirmed. */
  get unconfirmed(): number {
    return this.#unconfirmed.size;
  }

  /**
   * Sends it once those before it are confirmed or refused, and again after each lost connection; resolves with the message as
   * it is kept, once however often it was sent. Where the server limits how many are sent it waits. Throws what the server
   * refuses it with; RESOURCE_EXHAUSTED where a thousand wait to be confirmed; CANCELLED where the session is left before.
   * Confirmations come with the news: whoever reads news and waits here meanwhile may wait for ever once a thousand news wait.
   */
  send(draft: MessageDraft): Promise<CollaborationMessage> {
    if (this.#isLeaving) {
      return Promise.reject(new WatchpostError("FAILED_PRECONDITION", "not sent: the session is being left"));
    }
    const id = crypto.randomUUID();
    const metadata = { ...draft.metadata, client_message_id: id };
    const message = create(CollaborationMessageSchema, {
      ...draft,
      messageType: draft.messageType || "chat",
      metadata,
    });
    const kept = this.#unconfirmed.add(id, message);
    this.#sendNext();
    return kept;
  }

  /** Tells whoever is here, at this moment: of type cursor or typing. It is lost where there is no connection. */
  tell(messageType: "cursor" | "typing", metadata: Readonly<Record<string, string>> = {}): void {
    if (this.#isLeaving || this.#call?.writableNeedDrain) return;
    this.#write(create(CollaborationMessageSchema, { messageType, metadata: { ...metadata } }));
  }

  /**
   * Leaves once everything is confirmed, and resolves when the server has sent what it numbered before that. Where `signal`
   * aborts before, it leaves at once.
   */
  async leave({ signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    this.#isLeaving = true;
    const stop = () => this.#stop.abort();
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
    this.#leaveWhenDone();
    await this.#ended;
    signal?.removeEventListener("abort", stop);
  }

  /** Throws what cannot be retried. One reader. */
  [Symbol.asyncIterator](): AsyncIterator<SessionNews> {
    return this.#news[Symbol.asyncIterator]();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    for (let attempt = 1; !signal.aborted; attempt++) {
      const call = this.#open();
      const cancel = () => call.cancel();
      signal.addEventListener("abort", cancel);
      try {
        for await (const bytes of call) {
          attempt = 1;
          await this.#take(fromBinary(CollaborationMessageSchema, bytes as Uint8Array), call);
        }
        if (this.#hasLeft) return;
        throw new WatchpostError("UNAVAILABLE", "the server ended the stream");
      } catch (error) {
        const failure = errorOf(error);
        this.#call = undefined;
        if (signal.aborted || this.#hasLeft) return;
        if (failure.status === "OUT_OF_RANGE" && this.#cursor !== "") this.#cursor = "";
        else await this.#beforeRetry(failure, attempt);
      } finally {
        this.#call = undefined;
        this.#snapshot = undefined;
        signal.removeEventListener("abort", cancel);
        call.cancel();
      }
    }
  }

  get #hasLeft(): boolean {
    return this.#isLeaving && this.#unconfirmed.size === 0;
  }

  async #beforeRetry(failure: WatchpostError, attempt: number): Promise<void> {
    const { signal } = this.#stop;
    const onRetry: Parameters<Connection["beforeRetry"]>[2]["onRetry"] = (retry) => {
      void this.#news.push({ kind: "lost", retry });
    };
    await this.#connection.beforeRetry(failure, attempt, { signal, onRetry }).catch((final: unknown) => {
      if (!signal.aborted) throw final;
    });
  }

  #open(): Call {
    const { joinSession: join, watchSession: watch } = Collaboration.method;
    if (this.#options.isListening) return this.#connection.serverStream(watch, this.#watching());
    const call = this.#connection.bidiStream(join);
    call.write(this.#joining());
    return call;
  }

  #watching(): Uint8Array {
    const { sessionId, userId, userName = "", last } = this.#options;
    const request = { sessionId, userId, userName, cursor: this.#cursor, ...(last === undefined ? {} : { last }) };
    return toBinary(SessionRequestSchema, create(SessionRequestSchema, request));
  }

  #joining(): Uint8Array {
    const { sessionId, userId, userName = "", last } = this.#options;
    const metadata = {
      ...(userName === "" ? {} : { user_name: userName }),
      ...(last === undefined ? {} : { last: String(last) }),
      ...(this.#cursor === "" ? {} : { cursor: this.#cursor }),
    };
    const message = { messageType: "system", sessionId, userId, metadata };
    return toBinary(CollaborationMessageSchema, create(CollaborationMessageSchema, message));
  }

  async #take(sent: CollaborationMessage, call: Call): Promise<void> {
    const message = await this.#cipher.open(sent);
    const { messageType, metadata, number, cursor } = message;
    const event = systemEventOf(message);
    if (messageType === "heartbeat") return;
    if (messageType === "system" && metadata["error"] !== undefined) return this.#refused(message);
    if (event === "snapshot") {
      this.#snapshot = { kind: "snapshot", members: message.members, messages: [], issues: [], cursor: "" };
      return;
    }
    const [self] = event === "snapshot_end" || event === "resumed" ? message.members : [];
    if (self !== undefined) this.#self = { userId: self.userId, userName: self.userName };
    if (self !== undefined && this.#options.isListening) this.#listeningId = metadata["stream_id"] ?? "";
    if (event === "snapshot_end") {
      const snapshot = { ...this.#snapshot!, cursor };
      this.#snapshot = undefined;
      this.#cursor = cursor;
      this.#number = snapshot.messages.at(-1)?.number ?? 0n;
      await this.#news.push(snapshot);
      return this.#joined(call);
    }
    if (event === "resumed") {
      if (cursor !== "") this.#cursor = cursor;
      await this.#news.push({ kind: "resumed" });
      return this.#joined(call);
    }
    if (this.#snapshot !== undefined) return this.#collect(this.#snapshot, message);
    if (event === "confirmed") return this.#confirmed(message);
    if (messageType === "cursor" || messageType === "typing") return this.#news.push({ kind: "passing", message });
    await this.#message(message);
    // One's own that was sent over the stream before this one, and is not confirmed.
    if (number > 0n) this.#settle(metadata["client_message_id"] ?? "", message);
  }

  #collect(snapshot: Snapshot, message: CollaborationMessage): void {
    if (message.number > 0n) (snapshot.messages as CollaborationMessage[]).push(message);
    else if (message.issue !== undefined) (snapshot.issues as unknown[]).push(message.issue);
  }

  async #message(message: CollaborationMessage): Promise<void> {
    const { number, cursor } = message;
    if (number > 0n && number <= this.#number) return;
    await this.#news.push({ kind: "message", message });
    if (number > 0n) this.#number = number;
    if (cursor !== "") this.#cursor = cursor;
  }

  /** The stream that sent a message does not get it: this stands in its place, with what the server made of it. */
  async #confirmed(confirmation: CollaborationMessage): Promise<void> {
    const { event: _, number: __, ...metadata } = confirmation.metadata;
    const id = metadata["client_message_id"] ?? "";
    const sent = this.#unconfirmed.find(id);
    if (sent === undefined) return;
    const { sessionId } = this.#options;
    const kept = create(CollaborationMessageSchema, {
      ...confirmation,
      sessionId: confirmation.sessionId || sessionId || LOBBY,
      ...this.#self,
      messageType: sent.messageType,
      message: confirmation.message || sent.message,
      metadata: { ...sent.metadata, ...metadata },
    });
    await this.#message(kept);
    this.#settle(id, kept);
  }

  async #refused({ metadata, message }: CollaborationMessage): Promise<void> {
    const { error: status, client_message_id: id = "", retry_after_ms: retryAfterMs } = metadata;
    if (retryAfterMs !== undefined && this.#unconfirmed.find(id) !== undefined) {
      return this.#sendAgain(id, Number(retryAfterMs) || RETRY_AFTER_MS);
    }
    const error = new WatchpostError(status as StatusName, message);
    if (!this.#settle(id, error)) await this.#news.push({ kind: "refused", error });
  }

  #sendAgain(id: string, afterMs: number): void {
    const call = this.#call;
    this.#clock.after(afterMs, () => {
      // Over another stream it has been sent already.
      if (this.#call !== call || this.#underWay !== id) return;
      this.#underWay = "";
      this.#sendNext();
    });
  }

  #settle(id: string, outcome: CollaborationMessage | WatchpostError): boolean {
    const hasWaited = this.#unconfirmed.settle(id, outcome);
    if (this.#underWay === id) this.#underWay = "";
    this.#sendNext();
    if (hasWaited) this.#leaveWhenDone();
    return hasWaited;
  }

  /** One at a time: one that is refused for a while, or lost with its stream, is not overtaken. */
  #sendNext(): void {
    const { first } = this.#unconfirmed;
    if (this.#call === undefined || this.#underWay !== "" || first === undefined) return;
    const { id, message } = first;
    this.#underWay = id;
    const call = this.#call;
    // Anew for each stream: what it is sealed with, and for whom, may be another one.
    this.#cipher.seal(message, this.#self.userId).then(
      (sealed) => this.#call === call && this.#underWay === id && this.#write(sealed),
      (error: unknown) => this.#settle(id, errorOf(error)),
    );
  }

  #joined(call: Call): void {
    if (!("write" in call)) return;
    this.#call = call;
    this.#underWay = "";
    this.#sendNext();
    this.#beat(call);
    this.#leaveWhenDone();
  }

  #beat(call: Duplex): void {
    this.#clock.after(HEARTBEAT_MS, () => {
      if (this.#call !== call) return;
      this.#write(create(CollaborationMessageSchema, { messageType: "heartbeat" }));
      this.#beat(call);
    });
  }

  #leaveWhenDone(): void {
    if (!this.#hasLeft) return;
    if (this.#listeningId !== "") void this.#endListening().finally(() => this.#stop.abort());
    else if (this.#call === undefined) this.#stop.abort();
    else this.#call.end();
  }

  /** As half-closing does, which its stream cannot. */
  async #endListening(): Promise<void> {
    const { sessionId, userId } = this.#options;
    const request = { sessionId, userId, streamId: this.#listeningId };
    const options = { signal: this.#stop.signal, deadlineMs: LEAVE_WITHIN_MS };
    // Where it is not told the others see it a while later.
    await ask(this.#connection, Collaboration.method.leaveSession, request, options).catch(() => {});
  }

  #write(message: CollaborationMessage): void {
    if (this.#call?.writable) this.#call.write(toBinary(CollaborationMessageSchema, message));
  }
}
