/** Native gRPC: serves the methods on @grpc/grpc-js, with limits, reflection, health and a drain that ends. */
import {
  logVerbosity,
  Server,
  ServerCredentials,
  setLogVerbosity,
  type MethodDefinition,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type UntypedHandleCall,
} from "@grpc/grpc-js";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { MESSAGE_BYTES_MAX } from "../model/limits.ts";
import { isPushed } from "../model/pushed-stream.ts";
import { type AnswerWriter, type CallContext, type MethodImpl } from "../wire/service.ts";
import type { ConnectionLimits } from "../wire/allowance.ts";
import type { CallWatch } from "../wire/call-watch.ts";
import type { Gate } from "../wire/gate.ts";
import { toStatus } from "../wire/status.ts";
import { formatAddress, parseAddress } from "../model/address.ts";
import { widenStreams } from "./flow-control.ts";
import { GrpcConnections } from "./grpc-connections.ts";
import { boundHandshakes, grpcCredentials, type TlsOptions } from "./grpc-credentials.ts";
import { GrpcReceiving, type Incoming } from "./grpc-receiving.ts";
import { guarded } from "./guarded.ts";
import { healthMethods, type HealthState } from "./health.ts";
import { codecOf, type MethodCodec } from "./message-codec.ts";
import { MessageQueue } from "./message-queue.ts";
import {
  OpenCalls,
  statusObject,
  type AnyCall,
  type OpenCall,
  type ReadingCall,
  type TransportEvents,
  type WritingCall,
} from "./open-calls.ts";
import type { ReceivedBytes } from "./received-bytes.ts";
import { reflectionMethods } from "./reflection.ts";
import { watched } from "./watched.ts";

export interface GrpcServerOptions extends TransportEvents {
  /** host:port; port 0 chooses a free one. */
  readonly address: string;
  readonly methods: readonly MethodImpl[];
  /** Asked before a method runs. */
  readonly gate: Gate;
  /** Looks on. */
  readonly watch?: CallWatch;
  readonly health: HealthState;
  readonly received: ReceivedBytes;
  readonly limits?: GrpcLimits;
  /** Left out: as many as come. */
  readonly connections?: ConnectionLimits;
  /** Undefined: without TLS. */
  readonly tls?: TlsOptions | undefined;
}

export interface GrpcLimits {
  /** On one connection. */
  readonly concurrentStreamsMax?: number;
  /** Between two pings of a connection, and how long the answer to one may take before it is closed. */
  readonly keepaliveMs?: number;
  readonly keepaliveTimeoutMs?: number;
  /** After which its streams are ended with UNAVAILABLE, and it with them; a tenth more or less. Infinity: never. */
  readonly connectionAgeMsMax?: number;
  /** How long a client may take for the handshake of TLS before it is cut off. */
  readonly handshakeMsMax?: number;
}

export interface TransportServer {
  /** host:port, as bound. */
  readonly address: string;
  /** Takes no more calls, ends those there are, and is closed at the latest after `graceMs`. Idempotent. */
  drain(graceMs: number): Promise<void>;
}

type Answer = (error: unknown, value?: Uint8Array) => void;

const LIMITS: Required<GrpcLimits> = {
  concurrentStreamsMax: 1_000,
  keepaliveMs: 30_000,
  keepaliveTimeoutMs: 10_000,
  connectionAgeMsMax: Infinity,
  handshakeMsMax: 10_000,
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
  const { concurrentStreamsMax, keepaliveMs, keepaliveTimeoutMs, connectionAgeMsMax, handshakeMsMax } = {
    ...LIMITS,
    ...options.limits,
  };
  // It would write to stderr past the server's log what is told here as an error.
  setLogVerbosity(logVerbosity.NONE);
  const receiving = new GrpcReceiving({
    ...{ received: options.received, gate: options.gate, events: options },
    statusOf: (error) => statusObject(toStatus(error)),
  });
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
  boundHandshakes(server, handshakeMsMax);
  const connections = new GrpcConnections(server, options.connections);
  const services = [...new Set(options.methods.map(({ method }) => method.parent.typeName))];
  const served = [...options.methods, ...healthMethods(options.health, services)];
  const reflection = reflectionMethods(served.map(({ method }) => method.parent));
  const all = watched([...served, ...reflection], options.watch);
  const calls = new OpenCalls(options, { ageMsMax: connectionAgeMsMax, random: Math.random });
  for (const impl of guarded(all, options.gate)) {
    const { method } = impl;
    const definition = definitionOf(impl);
    server.addService({ [method.name]: definition }, { [method.name]: handlerOf(impl, calls, receiving) });
  }
  const credentials = options.tls === undefined ? ServerCredentials.createInsecure() : grpcCredentials(options.tls);
  const bound = await bind(server, formatAddress(host, port), credentials);
  let drained: Promise<void> | undefined;
  return {
    address: formatAddress(host, bound),
    drain: (graceMs) => (drained ??= drain(server, connections, calls, graceMs)),
  };
}

function bind(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
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
async function drain(server: Server, connections: GrpcConnections, calls: OpenCalls, graceMs: number): Promise<void> {
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
  connections.destroyAll();
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
  const { signal } = open.context;
  const write = (output: unknown) => {
    if (signal.aborted || call.write(codec.writeOutput(output))) return undefined;
    return drainOf(call, signal);
  };
  const pump = async () => {
    const stream = run();
    if (isPushed<unknown>(stream)) return stream.each(write);
    const outputs = (running.outputs = stream[Symbol.asyncIterator]());
    for (;;) {
      const next = await outputs.next();
      if (next.done || signal.aborted) return;
      const later = write(next.value);
      if (later !== undefined) await later;
    }
  };
  try {
    await (signal.aborted ? open.ended : Promise.race([pump(), open.ended]));
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

/** Also when the call is over: whoever writes to it has something to close. */
function drainOf(call: WritingCall, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const goOn = () => {
      call.off("drain", goOn);
      signal.removeEventListener("abort", goOn);
      resolve();
    };
    call.on("drain", goOn);
    signal.addEventListener("abort", goOn);
  });
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
