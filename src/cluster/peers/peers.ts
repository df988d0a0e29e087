/** Calls to other nodes over gRPC, in bytes. One connection a node for calls with one answer, and one for each stream that may be long. */
import { Client, Metadata, type ClientDuplexStream, type ClientReadableStream } from "@grpc/grpc-js";
import type { DescMethod } from "@bufbuild/protobuf";
import { WatchpostError } from "../../model/errors.ts";
import { errorOf } from "../../wire/call-error.ts";
import { channelCredentials, type ClientTls } from "../../wire/channel-credentials.ts";
import { CALLER_HEADER, callerRecord, type OtherCaller } from "./caller-record.ts";

export interface PeersDeps {
  /** By which nodes know each other; undefined: it is not known yet. */
  key(): string | undefined;
  /** Undefined: nodes speak plainly. */
  readonly tls: ClientTls | undefined;
}

export interface PeerCall {
  readonly signal: AbortSignal;
  /** Left out: the node itself. */
  readonly caller?: OtherCaller;
  /** Left out: there is none. */
  readonly timeoutMs?: number;
}

const KEEPALIVE_MS = 10_000;
const KEEPALIVE_TIMEOUT_MS = 2_000;
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
const RETRY_AFTER_MS = 1_000;

type ByteStream = ClientReadableStream<Buffer> | ClientDuplexStream<Uint8Array, Buffer>;

const serialize = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const deserialize = (bytes: Buffer) => bytes;

export class Peers {
  readonly #deps: PeersDeps;
  /** By address. */
  readonly #clients = new Map<string, Client>();
  #isClosed = false;

  constructor(deps: PeersDeps) {
    this.#deps = deps;
  }

  /** Rejects as the other node does; UNAVAILABLE where it is not reached, CANCELLED once `signal` is aborted. */
  async unary(address: string, method: DescMethod, request: Uint8Array, call: PeerCall): Promise<Uint8Array> {
    const metadata = this.#metadata(call);
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const sent = this.#client(address).makeUnaryRequest(
      ...([pathOf(method), serialize, deserialize, request, metadata, optionsOf(call)] as const),
      (error: unknown, answer?: Buffer) => (error ? reject(heard(error, address)) : resolve(answer!)),
    );
    return whileWanted(call.signal, () => sent.cancel(), promise);
  }

  /** The answers, read as fast as they are taken. Fails as {@link unary} does; whoever stops reading ends the call. */
  async *serverStreaming(
    address: string,
    method: DescMethod,
    request: Uint8Array,
    call: PeerCall,
  ): AsyncGenerator<Uint8Array, void> {
    const metadata = this.#metadata(call);
    const client = this.#clientAlone(address);
    const stream = client.makeServerStreamRequest(
      ...([pathOf(method), serialize, deserialize, request, metadata, optionsOf(call)] as const),
    );
    yield* answersOf(stream, client, address, call.signal);
  }

  /** The same, while `requests` are sent, as fast as they are taken. */
  async *bidi(
    address: string,
    method: DescMethod,
    requests: AsyncIterable<Uint8Array>,
    call: PeerCall,
  ): AsyncGenerator<Uint8Array, void> {
    const metadata = this.#metadata(call);
    const client = this.#clientAlone(address);
    const stream = client.makeBidiStreamRequest(
      ...([pathOf(method), serialize, deserialize, metadata, optionsOf(call)] as const),
    );
    const sending = send(requests, stream);
    try {
      yield* answersOf(stream, client, address, call.signal);
    } finally {
      await sending;
    }
  }

  /** Connections to nodes at other addresses are given up. */
  keep(addresses: ReadonlySet<string>): void {
    for (const [address, client] of this.#clients) {
      if (addresses.has(address)) continue;
      this.#clients.delete(address);
      client.close();
    }
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.keep(new Set());
  }

  #client(address: string): Client {
    let client = this.#clients.get(address);
    if (client === undefined) this.#clients.set(address, (client = this.#clientAlone(address)));
    return client;
  }

  #clientAlone(address: string): Client {
    if (this.#isClosed) throw new WatchpostError("UNAVAILABLE", "this node is stopping");
    return new Client(address, channelCredentials(this.#deps.tls), {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
      "grpc.max_send_message_length": MESSAGE_BYTES_MAX,
      "grpc.keepalive_time_ms": KEEPALIVE_MS,
      "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
      "grpc.enable_retries": 0,
    });
  }

  #metadata({ caller }: PeerCall): Metadata {
    const key = this.#deps.key();
    if (key === undefined) throw notReached("other nodes", "it is not known yet how nodes know each other");
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${key}`);
    if (caller !== undefined) metadata.set(CALLER_HEADER, callerRecord(caller));
    return metadata;
  }
}

/** Sends until there are no more, or nobody is there to take them. Never rejects: whoever reads the answers hears of it. */
async function send(
  requests: AsyncIterable<Uint8Array>,
  stream: ClientDuplexStream<Uint8Array, Buffer>,
): Promise<void> {
  let isOver = false;
  let wake = () => {};
  const end = () => {
    isOver = true;
    wake();
  };
  stream.once("close", end).once("error", end).once("end", end).once("status", end);
  /** Undefined: nobody is there any more. A promise that lasts as long as the stream would remember each that it was raced with. */
  const unlessOver = <T>(of: Promise<T>) =>
    new Promise<T | undefined>((resolve, reject) => {
      wake = () => resolve(undefined);
      if (isOver) wake();
      of.then(resolve, reject);
    });
  try {
    const source = requests[Symbol.asyncIterator]();
    for (;;) {
      const next = await unlessOver(source.next());
      if (isOver || next === undefined) {
        void source.return?.();
        return;
      }
      if (next.done) break;
      if (!stream.write(next.value)) {
        await unlessOver(new Promise<void>((resolve) => void stream.once("drain", resolve)));
      }
    }
    stream.end();
  } catch {
    stream.cancel();
  }
}

async function* answersOf(
  stream: ByteStream,
  client: Client,
  address: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const cancel = () => stream.cancel();
  if (signal.aborted) cancel();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    for await (const message of stream) yield message as Buffer;
  } catch (error) {
    if (signal.aborted) throw new WatchpostError("CANCELLED", "the call was cancelled");
    throw heard(error, address);
  } finally {
    signal.removeEventListener("abort", cancel);
    stream.cancel();
    client.close();
  }
}

async function whileWanted<T>(signal: AbortSignal, cancel: () => void, answer: Promise<T>): Promise<T> {
  if (signal.aborted) cancel();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    return await answer;
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

function optionsOf({ timeoutMs }: PeerCall): { deadline?: number } {
  return timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
}

/** What a node that is not reached leaves its callers with is no end of what they asked for. */
function heard(error: unknown, address: string): WatchpostError {
  const told = errorOf(error);
  if (told.status !== "UNAVAILABLE" || told.retryAfterMs !== undefined) return told;
  return notReached(address, told.message);
}

function notReached(address: string, why: string): WatchpostError {
  return new WatchpostError("UNAVAILABLE", `the node at ${address} does not answer: ${why}`, {
    retryAfterMs: RETRY_AFTER_MS,
  });
}
