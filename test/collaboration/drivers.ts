/** Ways to be in a session of a real server: what JoinSession does over one stream, WatchSession and SendMessage do over two. */
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Client, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { ask } from "../../src/client/ask.ts";
import { errorOf } from "../../src/wire/call-error.ts";
import { Connection } from "../../src/client/connection.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import {
  Collaboration,
  CollaborationMessageSchema,
  SessionRequestSchema,
  type CollaborationMessage,
  type SendMessageResponse,
} from "../../src/wire/gen/collaboration_pb.ts";

const M = Collaboration.method;
const PATIENCE_MS = 60_000;
/** A condition may be of other things than what comes. */
const POLL_MS = 20;

export interface Joining {
  readonly sessionId?: string;
  readonly userName?: string;
  readonly cursor?: string;
  readonly last?: number;
}

export interface Saying {
  readonly message?: string;
  readonly messageType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface Ended {
  readonly status: string;
  readonly message: string;
}

export interface Driver extends Disposable {
  readonly name: string;
  /** Resolves once the snapshot, or what was missed, has been read; or the stream has ended. */
  join(userId: string, joining?: Joining): Promise<DrivenMember>;
  ask<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>>;
}

/** One who is in a session, as its client has it. */
export class DrivenMember {
  readonly got: CollaborationMessage[] = [];
  /** Those that people said: "user: text". */
  readonly said: string[] = [];
  readonly kept: CollaborationMessage[] = [];
  readonly confirmed: string[] = [];
  /** What was refused: over the stream, or by the call that sent it. */
  readonly refused: Ended[] = [];
  ended: Ended | undefined;
  /** What it still has to send, is not sent. */
  isGone = false;
  readonly #leave: () => void;
  #wake = () => {};
  send: (saying: Saying) => void = () => {};
  /** Half-closes; over a pair there is no such thing. */
  end: (() => void) | undefined;
  sendBytes: ((bytes: Uint8Array) => void) | undefined;
  pause: (() => void) | undefined;

  constructor(leave: () => void) {
    this.#leave = leave;
  }

  get cursor(): string {
    return this.got.findLast(({ cursor }) => cursor !== "")!.cursor;
  }

  get streamId(): string {
    return this.got.find(({ metadata }) => metadata["stream_id"] !== undefined)?.metadata["stream_id"] ?? "";
  }

  say(message: string, clientMessageId?: string): void {
    this.send({ message, metadata: clientMessageId === undefined ? {} : { client_message_id: clientMessageId } });
  }

  /** The connection is lost. */
  drop(): void {
    this.isGone = true;
    this.#leave();
  }

  take(message: CollaborationMessage): void {
    const { messageType, metadata, message: text, userId, number } = message;
    if (messageType === "system" && metadata["error"] !== undefined) {
      this.refused.push({ status: metadata["error"], message: text });
    } else {
      this.got.push(message);
      if (messageType === "chat") this.said.push(`${userId}: ${text}`);
      if (metadata["event"] === "confirmed") this.confirmed.push(`${metadata["client_message_id"]}: ${number}`);
      else if (number > 0n) this.kept.push(message);
    }
    this.#wake();
  }

  /** What is not told to whoever reads this, this many times. */
  async until(what: string, isSo: (member: this) => boolean): Promise<void> {
    await until(
      what,
      () => isSo(this),
      () => `${JSON.stringify(this.ended)} ${this.said.slice(-10).join()}`,
      () => new Promise((resolve) => (this.#wake = resolve)),
    );
  }

  async standing(): Promise<this> {
    const marks = ["snapshot_end", "resumed"];
    const isStanding = () => this.got.some(({ metadata }) => marks.includes(metadata["event"]));
    await this.until("it stands", () => isStanding() || this.ended !== undefined);
    return this;
  }
}

/** `woken`: resolves when it may have become so. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  state = () => "",
  woken: () => Promise<void> = () => new Promise(() => {}),
): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain: ${what}; ${state()}`);
    await Promise.race([woken(), Bun.sleep(POLL_MS)]);
  }
}

/** JoinSession over gRPC. */
export function nativeDriver(address: string): Driver {
  const connection = new Connection(address);
  return {
    name: "JoinSession over gRPC",
    async join(userId, { sessionId = "", userName = "", cursor = "", last } = {}) {
      const call = connection.bidiStream(M.joinSession);
      const member = new DrivenMember(() => call.cancel());
      const write = (message: MessageInitShape<typeof CollaborationMessageSchema>) =>
        void call.write(toBinary(CollaborationMessageSchema, create(CollaborationMessageSchema, message)));
      member.send = ({ metadata = {}, ...saying }) => write({ ...saying, metadata: { ...metadata } });
      member.sendBytes = (bytes) => void call.write(bytes);
      member.end = () => call.end();
      member.pause = () => call.pause();
      readCall(call, CollaborationMessageSchema, member);
      const metadata = {
        ...(userName === "" ? {} : { user_name: userName }),
        ...(cursor === "" ? {} : { cursor }),
        ...(last === undefined ? {} : { last: String(last) }),
      };
      write({ userId, sessionId, metadata });
      return member.standing();
    },
    ask: (method, request) => ask(connection, method, request, { deadlineMs: PATIENCE_MS }),
    [Symbol.dispose]: () => connection.close(),
  };
}

/** WatchSession and SendMessage over gRPC. */
export function nativePairDriver(address: string): Driver {
  const connection = new Connection(address);
  const askNative: Driver["ask"] = (method, request) => ask(connection, method, request, { deadlineMs: PATIENCE_MS });
  return {
    name: "WatchSession and SendMessage over gRPC",
    async join(userId, joining = {}) {
      const request = create(SessionRequestSchema, { userId, ...joining });
      const call = connection.serverStream(M.watchSession, toBinary(SessionRequestSchema, request));
      const member = new DrivenMember(() => call.cancel());
      member.send = pairSend(member, userId, joining, (message) => askNative(M.sendMessage, message));
      member.pause = () => call.pause();
      readCall(call, CollaborationMessageSchema, member);
      return member.standing();
    },
    ask: askNative,
    [Symbol.dispose]: () => connection.close(),
  };
}

/** WatchSession and SendMessage as browsers call them. */
export function webDriver(kind: "Connect with JSON" | "Connect with binary" | "gRPC-Web", address: string): Driver {
  const baseUrl = `http://${address}`;
  const transport: Transport =
    kind === "gRPC-Web"
      ? createGrpcWebTransport({ baseUrl })
      : createConnectTransport({ baseUrl, useBinaryFormat: kind === "Connect with binary" });
  const client: Client<typeof Collaboration> = createClient(Collaboration, transport);
  const leaving = new AbortController();
  const asking: Driver["ask"] = async (method, request) => {
    const call = client[method.localName as "sendMessage"] as unknown as (
      given: typeof request,
    ) => Promise<MessageShape<typeof method.output>>;
    try {
      return await call(request);
    } catch (error) {
      const { status, message } = endedOf(error);
      throw new WatchpostError(status as "INTERNAL", message);
    }
  };
  return {
    name: `WatchSession and SendMessage over ${kind}`,
    async join(userId, joining = {}) {
      const leave = new AbortController();
      const member = new DrivenMember(() => leave.abort());
      member.send = pairSend(member, userId, joining, (message) => asking(M.sendMessage, message));
      const signal = AbortSignal.any([leave.signal, leaving.signal]);
      void (async () => {
        try {
          for await (const message of client.watchSession({ userId, ...joining }, { signal })) member.take(message);
          member.ended = { status: "OK", message: "" };
        } catch (error) {
          member.ended = endedOf(error);
        }
      })();
      return member.standing();
    },
    ask: asking,
    [Symbol.dispose]: () => leaving.abort(),
  };
}

/** One after the other, as a page does: what was sent first is kept first. */
function pairSend(
  member: DrivenMember,
  userId: string,
  { sessionId = "", userName = "" }: Joining,
  send: (message: MessageInitShape<typeof CollaborationMessageSchema>) => Promise<SendMessageResponse>,
): DrivenMember["send"] {
  let last: Promise<unknown> = Promise.resolve();
  return ({ metadata = {}, ...saying }) => {
    const message = { ...saying, userId, sessionId, userName };
    const sent = async () =>
      member.isGone ? undefined : send({ ...message, metadata: { ...metadata, stream_id: member.streamId } });
    last = last.then(sent).then(
      (answer) => {
        const { repeated = false, message: kept } = answer ?? {};
        // Over a stream it would be confirmed once more.
        const id = metadata["client_message_id"];
        if (!repeated || id === undefined) return;
        const confirmed = { event: "confirmed", client_message_id: id };
        member.take(
          create(CollaborationMessageSchema, { messageType: "system", number: kept!.number, metadata: confirmed }),
        );
      },
      (error) => void member.refused.push(endedOf(error)),
    );
  };
}

function readCall(call: NodeJS.EventEmitter, schema: typeof CollaborationMessageSchema, member: DrivenMember): void {
  call.on("data", (bytes: Uint8Array) => member.take(fromBinary(schema, bytes)));
  call.on("end", () => (member.ended ??= { status: "OK", message: "" }));
  call.on("error", (error) => (member.ended = endedOf(error)));
}

function endedOf(error: unknown): Ended {
  if (error instanceof ConnectError) {
    return { status: Code[error.code].replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase(), message: error.rawMessage };
  }
  const { status, message } = errorOf(error);
  return { status, message };
}
