/** Sessions on a journal in memory and a clock that stands still, with members that read when they are let, and restarts. */
import { commandsOf, type Commands } from "../../src/wire/call-method.ts";
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { DescMethod } from "@bufbuild/protobuf";
import { openCollaboration, type OpenCollaboration } from "../../src/collaboration/open-collaboration.ts";
import { createMetrics } from "../../src/metrics/metrics.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import {
  Collaboration,
  CollaborationMessageSchema,
  SessionRequestSchema,
  type CollaborationMessage,
} from "../../src/wire/gen/collaboration_pb.ts";
import { ANONYMOUS, type CallContext, type Principal } from "../../src/wire/service.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { MemoryJournal } from "../support/memory-journal.ts";
import { SteppedJournal } from "./stepped-journal.ts";
import { ToySurroundings } from "./surroundings.ts";

export type MessageInit = MessageInitShape<typeof CollaborationMessageSchema>;
type RequestInit = MessageInitShape<typeof SessionRequestSchema>;

export interface RigOptions {
  readonly streamsMax?: number;
  readonly messagesPerSecond?: number;
  /** What is asked of the journal waits until the test lets it. */
  readonly stepped?: boolean;
  readonly commands?: Commands;
}

export interface CallerOptions {
  readonly principal?: Principal;
  readonly headers?: Readonly<Record<string, string>>;
}

export const START_MS = Date.UTC(2026, 10, 2);
const M = Collaboration.method;
/** Until the end of a call's messages is known not to be its cancellation. */
const HALF_CLOSED_MS = 20;

/** Lets everything go on that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => void setImmediate(resolve));
}

export class Rig {
  readonly clock = new ManualClock(START_MS);
  readonly kept = new MemoryJournal();
  readonly metrics = createMetrics();
  readonly trouble: string[] = [];
  readonly surroundings = new ToySurroundings();
  readonly #options: RigOptions;
  #ids = 0;
  #members: Member[] = [];
  #run: { readonly collaboration: OpenCollaboration; readonly journal: SteppedJournal } | null = null;

  private constructor(options: RigOptions) {
    this.#options = options;
  }

  static async open(options: RigOptions = {}): Promise<Rig> {
    const rig = new Rig(options);
    await rig.open();
    return rig;
  }

  get collaboration(): OpenCollaboration {
    return this.#run!.collaboration;
  }

  /** Of this run. */
  get journal(): SteppedJournal {
    return this.#run!.journal;
  }

  async open(): Promise<void> {
    const { streamsMax = 10_000, messagesPerSecond = 50, stepped = false, commands = commandsOf([]) } = this.#options;
    const journal = new SteppedJournal(this.kept);
    const opening = openCollaboration({
      journal,
      clock: this.clock,
      metrics: this.metrics,
      options: { streamsMax, messagesPerSecond },
      garbage: { note: () => {} },
      commands,
      openings: { of: () => [], isAny: () => false },
      newId: () => `id-${++this.#ids}`,
      surroundings: this.surroundings,
      pause: async () => {},
      onTrouble: (sentence) => this.trouble.push(sentence),
    });
    journal.isStepped = false;
    this.#run = { collaboration: await opening, journal };
    journal.isStepped = stepped;
  }

  /** As after kill -9, `awayMs` ago: of what was on its way to the disk, the first `committed` appends got there. */
  async crash(awayMs = 0, committed = 0): Promise<void> {
    await this.journal.crash(committed);
    for (const member of this.#members.splice(0)) member.drop();
    // What it waits for never comes.
    void this.#run!.collaboration.close();
    await settle();
    this.clock.advance(awayMs);
    await this.open();
  }

  /** Stopped and started in order. */
  async restart(awayMs = 0): Promise<void> {
    this.collaboration.stop();
    for (const member of this.#members.splice(0)) member.drop();
    await settle();
    await this.collaboration.close();
    this.clock.advance(awayMs);
    await this.open();
  }

  async advance(ms: number, stepMs = ms): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(stepMs, left));
      await settle();
    }
  }

  /** JoinSession, its first message sent. */
  async join(userId: string, first: MessageInit = {}, caller: CallerOptions = {}): Promise<Member> {
    const member = this.openStream(caller);
    member.send({ userId, ...first });
    await settle();
    return member;
  }

  /** JoinSession before anything was sent. */
  openStream(caller: CallerOptions = {}): Member {
    const sent = new Sent();
    const leave = new AbortController();
    const run = this.#methodOf(M.joinSession) as (messages: Sent, context: CallContext) => AsyncIterable<Uint8Array>;
    return this.#member(run(sent, contextOf(leave.signal, caller)), leave, sent);
  }

  async watch(request: RequestInit, caller: CallerOptions = {}): Promise<Member> {
    const leave = new AbortController();
    const run = this.#methodOf(M.watchSession) as (
      request: MessageShape<typeof SessionRequestSchema>,
      context: CallContext,
    ) => AsyncIterable<Uint8Array>;
    const watching = run(create(SessionRequestSchema, request), contextOf(leave.signal, caller));
    const member = this.#member(watching, leave, null);
    await settle();
    return member;
  }

  /** Any unary method. */
  async ask<I extends DescMessage, O extends DescMessage>(
    method: DescMethod & { input: I; output: O },
    request: MessageInitShape<I>,
    caller: CallerOptions = {},
  ): Promise<MessageShape<O>> {
    const run = this.#methodOf(method) as (request: MessageShape<I>, context: CallContext) => Promise<object>;
    const answer = await run(create(method.input, request), contextOf(new AbortController().signal, caller));
    // As it is on the wire.
    return fromBinary(method.output, toBinary(method.output, create(method.output, answer as MessageInitShape<O>)));
  }

  /** SendMessage. */
  send(message: MessageInit, caller: CallerOptions = {}) {
    return this.ask(M.sendMessage, message, caller);
  }

  async close(): Promise<void> {
    for (const member of this.#members.splice(0)) member.drop();
    this.journal.isStepped = false;
    await this.journal.stepAll();
    this.collaboration.stop();
    await settle();
    await this.collaboration.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #member(messages: AsyncIterable<Uint8Array>, leave: AbortController, sent: Sent | null): Member {
    const member = new Member(messages, leave, sent, this.clock);
    this.#members.push(member);
    return member;
  }

  #methodOf(method: DescMethod): unknown {
    return this.collaboration.methods.find((impl) => impl.method === method)!.run;
  }
}

/** One stream of a member, as its client has it. */
export class Member {
  /** What was read. */
  readonly got: CollaborationMessage[] = [];
  /** OK, or what it ended with; undefined while it goes on. */
  ended: { readonly status: string; readonly message: string } | undefined;
  readonly #sent: Sent | null;
  readonly #leave: AbortController;
  readonly #clock: ManualClock;
  #paused: PromiseWithResolvers<void> | null = null;

  constructor(messages: AsyncIterable<Uint8Array>, leave: AbortController, sent: Sent | null, clock: ManualClock) {
    this.#leave = leave;
    this.#sent = sent;
    this.#clock = clock;
    void this.#read(messages);
  }

  /** Those that are numbered. */
  get kept(): CollaborationMessage[] {
    return this.got.filter(({ number, metadata }) => number > 0n && metadata["event"] !== "confirmed");
  }

  /** "user: text" of all that people said. */
  get said(): string[] {
    return this.got
      .filter(({ messageType }) => messageType === "chat")
      .map(({ userId, message }) => `${userId}: ${message}`);
  }

  /** Of the messages of type system: their events, or what they refused. */
  get events(): string[] {
    return this.got.flatMap(({ messageType, metadata }) =>
      messageType === "system" ? [metadata["event"] ?? `refused ${metadata["error"]}`] : [],
    );
  }

  /** To go on behind everything that was read. */
  get cursor(): string {
    return this.got.findLast(({ cursor }) => cursor !== "")!.cursor;
  }

  get streamId(): string {
    return this.got.find(({ metadata }) => metadata["stream_id"] !== undefined)!.metadata["stream_id"];
  }

  get refusals(): CollaborationMessage[] {
    return this.got.filter(({ metadata }) => metadata["error"] !== undefined);
  }

  send(message: MessageInit): void {
    this.sendBytes(toBinary(CollaborationMessageSchema, create(CollaborationMessageSchema, message)));
  }

  /** A chat, with an id of its client's where there is one. */
  say(text: string, clientMessageId?: string): void {
    const metadata = clientMessageId === undefined ? {} : { client_message_id: clientMessageId };
    this.send({ messageType: "chat", message: text, metadata });
  }

  sendBytes(bytes: Uint8Array): void {
    this.#sent!.push(bytes);
  }

  /** Half-closes: it has nothing more to send. */
  async end(): Promise<void> {
    this.#sent!.end();
    await settle();
    this.#clock.advance(HALF_CLOSED_MS);
    await settle();
  }

  /** The connection is lost. */
  drop(): void {
    // The transport ends the messages of a cancelled call first.
    this.#sent?.end();
    this.#leave.abort();
    this.#paused?.resolve();
  }

  pause(): void {
    this.#paused ??= Promise.withResolvers<void>();
  }

  resume(): void {
    this.#paused?.resolve();
    this.#paused = null;
  }

  async #read(messages: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const bytes of messages) {
        // What a client that is gone is sent, nobody reads.
        if (this.#leave.signal.aborted) break;
        this.got.push(fromBinary(CollaborationMessageSchema, bytes));
        while (this.#paused !== null && !this.#leave.signal.aborted) await this.#paused.promise;
      }
      this.ended ??= { status: "OK", message: "" };
    } catch (error) {
      const status = error instanceof WatchpostError ? error.status : "INTERNAL";
      this.ended = { status, message: (error as Error).message };
    }
  }
}

/** What a client has sent, as the transport hands it over. */
class Sent implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  #waiting: Uint8Array[] = [];
  #isEnded = false;
  #reader: ((result: IteratorResult<Uint8Array>) => void) | undefined;

  push(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#hand();
  }

  end(): void {
    this.#isEnded = true;
    this.#hand();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    return new Promise((resolve) => {
      this.#reader = resolve;
      this.#hand();
    });
  }

  #hand(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    const value = this.#waiting.shift();
    if (value === undefined && !this.#isEnded) return;
    this.#reader = undefined;
    reader(value === undefined ? { done: true, value: undefined } : { done: false, value });
  }
}

function contextOf(signal: AbortSignal, { principal = ANONYMOUS, headers = {} }: CallerOptions): CallContext {
  return { signal, principal, headers: new Map(Object.entries(headers)), peer: "test" };
}
