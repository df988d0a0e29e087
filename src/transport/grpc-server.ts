/** Native gRPC: serves the methods on @grpc/grpc-js, with limits, reflection, health and a drain that ends. */
import {
  logVerbosity,
  Metadata,
  Server,
  ServerCredentials,
  setLogVerbosity,
  status as GrpcStatus,
  type MethodDefinition,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type StatusObject,
  type UntypedHandleCall,
} from "@grpc/grpc-js";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { MESSAGE_BYTES_MAX, METADATA_BYTES_MAX } from "../model/limits.ts";
import { ANONYMOUS, type AnswerWriter, type CallContext, type MethodImpl } from "../wire/service.ts";
import { fromStatus, STATUS_DETAILS_KEY, toStatus, type WireStatus } from "../wire/status.ts";
import { formatAddress, parseAddress } from "../model/address.ts";
import { widenStreams } from "./flow-control.ts";
import { GrpcReceiving, type Incoming } from "./grpc-receiving.ts";
import { healthMethods, type HealthState } from "./health.ts";
import { codecOf, type MethodCodec } from "./message-codec.ts";
import { MessageQueue } from "./message-queue.ts";
import type { ReceivedBytes } from "./received-bytes.ts";
import { reflectionMethods } from "./reflection.ts";

export interface TransportEvents {
  /** A call has ended; `status` is "OK" or a gRPC status name. */
  onCall?(method: string, status: string): void;
  /** Something was thrown that is no WatchpostError. */
  onDefect?(error: unknown, method: string): void;
}

export interface GrpcServerOptions extends TransportEvents {
  /** host:port; port 0 chooses a free one. */
  readonly address: string;
  readonly methods: readonly MethodImpl[];
  readonly health: HealthState;
  readonly received: ReceivedBytes;
  readonly limits?: GrpcLimits;
}

export interface GrpcLimits {
  /** On one connection. */
  readonly concurrentStreamsMax?: number;
  /** Between two pings of a connection, and how long the answer to one may take before it is closed. */
  readonly keepaliveMs?: number;
  readonly keepaliveTimeoutMs?: number;
}

export interface TransportServer {
  /** host:port, as bound. */
  readonly address: string;
  /** Takes no more calls, ends those there are, and is closed at the latest after `graceMs`. Idempotent. */
  drain(graceMs: number): Promise<void>;
}

type AnyCall =
  | ServerUnaryCall<Uint8Array, Uint8Array>
  | ServerReadableStream<Uint8Array, Uint8Array>
  | ServerWritableStream<Uint8Array, Uint8Array>
  | ServerDuplexStream<Uint8Array, Uint8Array>;
type ReadingCall = ServerReadableStream<Uint8Array, Uint8Array> | ServerDuplexStream<Uint8Array, Uint8Array>;
type WritingCall = ServerWritableStream<Uint8Array, Uint8Array> | ServerDuplexStream<Uint8Array, Uint8Array>;
type Answer = (error: unknown, value?: Uint8Array) => void;

const LIMITS: Required<GrpcLimits> = {
  concurrentStreamsMax: 1_000,
  keepaliveMs: 30_000,
  keepaliveTimeoutMs: 10_000,
};
const CONNECTION_IDLE_MS_MAX = 30 * 60_000;
const SESSION_MEGABYTES_MAX = 256;
/** Messages that Node's stream may hold besides those in the {@link MessageQueue}: one may be 50 MiB. */
const READ_AHEAD = 1;

/** A client that reads nothing does not get the status either: then its stream is reset. */
const CUT_AFTER_MS = 5_000;

const identity = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export async function startGrpcServer(options: GrpcServerOptions): Promise<TransportServer> {
  const { host, port } = parseAddress(options.address);
  const { concurrentStreamsMax, keepaliveMs, keepaliveTimeoutMs } = { ...LIMITS, ...options.limits };
  // It would write to stderr past the server's log what is told here as an error.
  setLogVerbosity(logVerbosity.NONE);
  const receiving = new GrpcReceiving(options.received, grpcStatusOf);
  const server = new Server({
    interceptors: [receiving.interceptor],
    "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
    "grpc.max_send_message_length": MESSAGE_BYTES_MAX,
    "grpc.max_concurrent_streams": concurrentStreamsMax,
    // Nobody asks for its figures, and they cost something with every message.
    "grpc.enable_channelz": 0,
    "grpc.keepalive_time_ms": keepaliveMs,
    "grpc.keepalive_timeout_ms": keepaliveTimeoutMs,
    "grpc.max_connection_idle_ms": CONNECTION_IDLE_MS_MAX,
    "grpc-node.max_session_memory": SESSION_MEGABYTES_MAX,
  });
  widenStreams(server);
  const services = [...new Set(options.methods.map(({ method }) => method.parent.typeName))];
  const served = [...options.methods, ...healthMethods(options.health, services)];
  const files = new Set(served.map(({ method }) => method.parent.file));
  const calls = new OpenCalls(options);
  for (const impl of [...served, ...reflectionMethods([...files])]) {
    const { method } = impl;
    const definition = definitionOf(impl);
    server.addService({ [method.name]: definition }, { [method.name]: handlerOf(impl, calls, receiving) });
  }
  const bound = await bind(server, formatAddress(host, port));
  let drained: Promise<void> | undefined;
  return {
    address: formatAddress(host, bound),
    drain: (graceMs) => (drained ??= drain(server, calls, graceMs)),
  };
}

function bind(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) return resolve(port);
      const message = `gRPC cannot listen on ${address}: ${reasonOf(messageOf(error))}`;
      reject(new WatchpostError("UNAVAILABLE", message, { cause: error }));
    });
  });
}

/** What grpc-js says of addresses that cannot be had, without its own account of them. */
function reasonOf(text: string): string {
  if (text.includes("EADDRINUSE")) return "the address is in use by another program";
  const [, reason] = /errors: \[(?:listen )?(.*)\]$/.exec(text) ?? [];
  return reason ?? text;
}

/** `tryShutdown` waits for open calls: what can end by itself is let, the rest is ended, and cut when it takes too long. */
async function drain(server: Server, calls: OpenCalls, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  const reason = new WatchpostError("UNAVAILABLE", "the server is shutting down; connect again", {
    retryAfterMs: 1_000,
  });
  calls.drain(reason);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, graceMs)));
  await Promise.race([closed, late]);
  clearTimeout(timer);
  calls.endAll(reason);
  server.forceShutdown();
}

function definitionOf({ method, kind }: MethodImpl): MethodDefinition<Uint8Array, Uint8Array> {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: kind === "client_streaming" || kind === "bidi_streaming",
    responseStream: kind === "server_streaming" || kind === "bidi_streaming",
    // Bytes in, bytes out: what they mean is decided in the call, where a mistake gets a precise status.
    requestSerialize: identity,
    requestDeserialize: (bytes) => bytes,
    responseSerialize: identity,
    responseDeserialize: (bytes) => bytes,
  };
}

function handlerOf(impl: MethodImpl, calls: OpenCalls, receiving: GrpcReceiving): UntypedHandleCall {
  const codec = codecOf(impl);
  const run = impl.run as (input: unknown, context: CallContext) => never;
  const begin = (call: AnyCall) => calls.open(call, impl, receiving.of(call));
  const messages = (call: ReadingCall, open: OpenCall) => {
    const queue = queueOf(call, receiving.of(call), open);
    // Where bytes are wanted the queue itself is handed over: it is cheaper to read than a generator.
    return impl.raw === "input" || impl.raw === "both" ? queue : decoded(queue, codec);
  };
  switch (impl.kind) {
    case "unary":
      return ((call: ServerUnaryCall<Uint8Array, Uint8Array>, answer: Answer) => {
        const open = begin(call);
        void answerOnce(open, answer, codec, async () => {
          const output: unknown = await run(codec.readInput(call.request), open.context);
          if (impl.raw === "output") receiving.of(call).onClose(() => (output as AnswerWriter).release());
          return output;
        });
      }) as UntypedHandleCall;
    case "client_streaming":
      return ((call: ServerReadableStream<Uint8Array, Uint8Array>, answer: Answer) => {
        const open = begin(call);
        void answerOnce(open, answer, codec, async () => run(messages(call, open), open.context));
      }) as UntypedHandleCall;
    case "server_streaming":
      return ((call: ServerWritableStream<Uint8Array, Uint8Array>) => {
        const open = begin(call);
        void answerAll(call, open, codec, receiving.of(call), () => {
          const input = codec.readInput(call.request);
          receiving.of(call).taken();
          return run(input, open.context);
        });
      }) as UntypedHandleCall;
    case "bidi_streaming":
      return ((call: ServerDuplexStream<Uint8Array, Uint8Array>) => {
        const open = begin(call);
        void answerAll(call, open, codec, receiving.of(call), () => run(messages(call, open), open.context));
      }) as UntypedHandleCall;
  }
}

async function answerOnce(
  open: OpenCall,
  answer: Answer,
  codec: MethodCodec,
  run: () => Promise<unknown>,
): Promise<void> {
  try {
    // What is refused already is not begun.
    const output = await (open.context.signal.aborted ? open.ended : Promise.race([run(), open.ended]));
    open.finish("OK");
    answer(null, codec.writeOutput(output));
  } catch (error) {
    answer(open.statusOf(error));
  }
}

async function answerAll(
  call: WritingCall,
  open: OpenCall,
  codec: MethodCodec,
  incoming: Incoming,
  run: () => AsyncIterable<unknown>,
): Promise<void> {
  const running: { outputs?: AsyncIterator<unknown> } = {};
  const pump = async () => {
    const outputs = (running.outputs = run()[Symbol.asyncIterator]());
    for (;;) {
      const next = await outputs.next();
      if (next.done || open.context.signal.aborted) return;
      if (!call.write(codec.writeOutput(next.value))) await drainOf(call);
    }
  };
  try {
    await (open.context.signal.aborted ? open.ended : Promise.race([pump(), open.ended]));
    if (open.cutShort) throw open.cutShort;
    open.finish("OK");
    call.end();
  } catch (error) {
    const status = open.statusOf(error);
    if (!call.cancelled) call.emit("error", status);
    incoming.cutAfter(CUT_AFTER_MS);
  } finally {
    // Not awaited: a generator that waits for something ends when its signal tells it to.
    running.outputs?.return?.().catch(() => {});
  }
}

function drainOf(call: WritingCall): Promise<void> {
  return new Promise((resolve) => void call.once("drain", resolve));
}

/** The messages of a call, as they arrive. */
function queueOf(call: ReadingCall, incoming: Incoming, open: OpenCall): MessageQueue {
  const queue = new MessageQueue(call, incoming);
  const state = (call as { _readableState?: { highWaterMark: number } })._readableState;
  if (state) state.highWaterMark = READ_AHEAD;
  call.on("data", (bytes: Uint8Array) => queue.push(bytes));
  call.on("end", () => queue.end());
  call.on("error", (error) => queue.fail(error));
  open.ended.catch((error: unknown) => queue.fail(error));
  open.input = queue;
  return queue;
}

async function* decoded(queue: AsyncIterable<Uint8Array>, codec: MethodCodec): AsyncIterable<unknown> {
  for await (const bytes of queue) yield codec.readInput(bytes);
}

/** One call from its begin to its status. */
interface OpenCall {
  readonly context: CallContext;
  /** Rejects when the client has left or the server ends the call. */
  readonly ended: Promise<never>;
  /** Messages of a client that streams. */
  input?: MessageQueue;
  /** Why the input was ended before its client had ended it: the status of the call. */
  cutShort?: WatchpostError;
  finish(status: string): void;
  /** Finishes the call with an error and returns what grpc-js takes for it. */
  statusOf(error: unknown): StatusObject;
}

class OpenCalls {
  readonly #events: TransportEvents;
  readonly #open = new Map<OpenCall, { readonly kind: MethodImpl["kind"]; end(error: WatchpostError): void }>();

  constructor(events: TransportEvents) {
    this.#events = events;
  }

  open(call: AnyCall, { method, kind }: MethodImpl, incoming: Incoming): OpenCall {
    const name = `${method.parent.typeName}/${method.name}`;
    const controller = new AbortController();
    const ended = Promise.withResolvers<never>();
    ended.promise.catch(() => {});
    let finished = false;
    const end = (error: WatchpostError) => {
      if (finished) return;
      ended.reject(error);
      controller.abort(error);
    };
    const onCancelled = () => {
      const { code = GrpcStatus.OK, details = "" } = incoming.sentStatus ?? {};
      if (code !== GrpcStatus.OK) end(fromStatus(code, details));
      else end(new WatchpostError("CANCELLED", "the client left or its deadline passed"));
    };
    (call as ServerUnaryCall<Uint8Array, Uint8Array>).on("cancelled", onCancelled);
    const finish = (status: string) => {
      if (finished) return;
      finished = true;
      this.#open.delete(open);
      this.#events.onCall?.(name, status);
    };
    const oversized = oversizedMetadata(call.metadata);
    if (oversized !== undefined) end(oversized);
    const open: OpenCall = {
      context: contextOf(call, controller.signal, end),
      ended: ended.promise,
      finish,
      statusOf: (error) => {
        if (!(error instanceof WatchpostError) && !isTransportError(error)) this.#events.onDefect?.(error, name);
        const status = isTransportError(error) ? transportStatus(error) : toStatus(error);
        finish(status.name);
        if (!controller.signal.aborted) controller.abort(error);
        return statusObject(status);
      },
    };
    this.#open.set(open, { kind, end });
    return open;
  }

  /** Ends what would not end by itself. What has arrived is still answered, and an answer that is on its way goes out. */
  drain(reason: WatchpostError): void {
    for (const [open, { kind, end }] of this.#open) {
      if (kind === "server_streaming") end(reason);
      else if (kind === "client_streaming" && open.input?.isEnded !== true) end(reason);
      else if (kind === "bidi_streaming" && open.input?.isEnded !== true) {
        open.cutShort = reason;
        if (open.input === undefined) end(reason);
        else open.input.end();
      }
    }
  }

  endAll(reason: WatchpostError): void {
    for (const { end } of this.#open.values()) end(reason);
  }
}

function grpcStatusOf(error: WatchpostError): StatusObject {
  return statusObject(toStatus(error));
}

function statusObject({ code, message, details }: Pick<WireStatus, "code" | "message" | "details">): StatusObject {
  const metadata = new Metadata();
  if (details) metadata.set(STATUS_DETAILS_KEY, Buffer.from(details));
  return { code, details: message, metadata };
}

function contextOf(call: AnyCall, signal: AbortSignal, cut: (error: WatchpostError) => void): CallContext {
  let headers: Map<string, string> | undefined;
  return {
    signal,
    principal: ANONYMOUS,
    get headers() {
      return (headers ??= new Map(Object.entries(call.metadata.getMap()).map(([key, value]) => [key, String(value)])));
    },
    peer: call.getPeer(),
    cut,
  };
}

function oversizedMetadata(metadata: Metadata): WatchpostError | undefined {
  let bytes = 0;
  for (const [key, value] of Object.entries(metadata.getMap())) bytes += key.length + value.length + 32;
  if (bytes <= METADATA_BYTES_MAX) return undefined;
  const message = `the metadata has ${bytes} bytes; wanted at most ${METADATA_BYTES_MAX}`;
  return new WatchpostError("RESOURCE_EXHAUSTED", message);
}

/** What grpc-js itself found wrong with a call, such as a message that is too large. */
function isTransportError(error: unknown): error is { code: number; details: string } {
  const { code, details } = (error ?? {}) as { code?: unknown; details?: unknown };
  return typeof code === "number" && typeof details === "string";
}

function transportStatus({ code, details }: { code: number; details: string }) {
  return { code, name: GrpcStatus[code] ?? "UNKNOWN", message: details, details: undefined };
}
