/** The methods over Connect and gRPC-Web, for browsers and curl. */
import { create, fromBinary, toBinary, type DescMessage, type DescMethod } from "@bufbuild/protobuf";
import { Code, ConnectError, createConnectRouter, createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { HTTP_MESSAGE_BYTES_MAX } from "../model/limits.ts";
import { BadRequestSchema, RetryInfoSchema } from "../wire/gen/google/rpc/error_details_pb.ts";
import type { Admission, Gate } from "../wire/gate.ts";
import { ANONYMOUS, type AnswerWriter, type CallContext, type MethodImpl } from "../wire/service.ts";
import { statusCodeOf, statusNameOf, toStatus } from "../wire/status.ts";
import { retryAfter } from "../wire/retry-after.ts";
import { toldError } from "../wire/told-error.ts";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { answerCompression, COMPRESS_BYTES_MIN } from "./answer-compression.ts";
import { answerWith, withAnswerWriters } from "./answer-writers.ts";
import { AS_SENT, withBounds } from "./bounded-requests.ts";
import { BATCH_VALUES_MAX, FIELDS_MAX, refuseManyValues } from "./message-bounds.ts";
import { decode } from "./message-codec.ts";
import { nameOf, type AskedContext } from "./guarded.ts";
import type { TransportEvents } from "./open-calls.ts";

/** What is encoded once for many readers is also decoded once. */
const decoded = new WeakMap<Uint8Array, unknown>();

/** Of a request: called once its stream is cut, to close the connection of a client that goes on reading nothing. */
export const CLOSE_UNREAD = createContextKey<() => void>(() => {});

/** Of a request: the address of its client. */
export const PEER = createContextKey<string>("");

/** Of a request: hears who makes it, before anything of it is read. */
export const ON_ADMITTED = createContextKey<(admission: Admission) => void>(() => {});

const ADMISSION = createContextKey<Admission | undefined>(undefined);

const JSON_OPTIONS = {
  // A misspelt field would otherwise be a filter that is silently not there.
  ignoreUnknownFields: false,
  // Connect's own puts U+FFFD in place of what is no UTF-8, and keeps what nobody has sent.
  textDecoder: { decode: utf8Of },
};
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Handlers of methods, each made when it is called first: of more than a hundred a server is asked for few. */
export class ConnectRoutes {
  /** By path, such as "/analytics.Dashboard/QueryRange". */
  readonly #methods: ReadonlyMap<string, MethodImpl>;
  readonly #made = new Map<string, UniversalHandler>();
  readonly #gate: Gate;
  readonly #events: TransportEvents;
  readonly #shutdownSignal: AbortSignal;

  /** `methods`: behind `gate`, which is asked here before a request is read. */
  constructor(methods: readonly MethodImpl[], gate: Gate, events: TransportEvents, shutdownSignal: AbortSignal) {
    this.#methods = new Map(methods.map((impl) => [`/${impl.method.parent.typeName}/${impl.method.name}`, impl]));
    this.#gate = gate;
    this.#events = events;
    this.#shutdownSignal = shutdownSignal;
  }

  get paths(): readonly string[] {
    return [...this.#methods.keys()];
  }

  /** Undefined where no method has that path. */
  get(path: string): UniversalHandler | undefined {
    const made = this.#made.get(path);
    const impl = this.#methods.get(path);
    if (made !== undefined || impl === undefined) return made;
    const handler = this.#make(impl);
    this.#made.set(path, handler);
    return handler;
  }

  #make(impl: MethodImpl): UniversalHandler {
    const shutdownSignal = this.#shutdownSignal;
    const router = createConnectRouter({
      grpc: false,
      readMaxBytes: HTTP_MESSAGE_BYTES_MAX,
      acceptCompression: [answerCompression],
      compressMinBytes: COMPRESS_BYTES_MIN,
      jsonOptions: JSON_OPTIONS,
      shutdownSignal,
      requestGate: (context) => this.#admit(impl, context),
    });
    router.rpc(impl.method as DescMethod, functionOf(impl, this.#events, shutdownSignal) as never);
    const { kind, raw, method } = impl;
    const isRaw = raw === "input" || raw === "both";
    const bounds = boundsOf(method.input, isRaw ? BATCH_VALUES_MAX : FIELDS_MAX);
    const bounded = withBounds(router.handlers[0], isRaw, bounds);
    return kind === "unary" && raw === "output" ? withAnswerWriters(bounded) : bounded;
  }

  async #admit(impl: MethodImpl, context: HandlerContext): Promise<void> {
    const name = nameOf(impl);
    try {
      const admission = await this.#gate.admit(name, contextOf(context));
      context.values.set(ADMISSION, admission).get(ON_ADMITTED)(admission);
    } catch (error) {
      throw failureOf(error, name, this.#events, context.signal);
    }
  }
}

/** Throws what Connect tells as it is. Bytes that are no message Connect would take for a fault of the server. */
function boundsOf(schema: DescMessage, valuesMax: number): (message: Uint8Array, isJson: boolean) => void {
  return (message, isJson) => {
    try {
      if (isJson) refuseManyValues(schema, message, valuesMax);
      else decode(schema, message);
    } catch (error) {
      if (error instanceof WatchpostError) throw connectErrorOf(error);
      throw new ConnectError(messageOf(error), Code.InvalidArgument);
    }
  };
}

function functionOf(impl: MethodImpl, events: TransportEvents, shutdownSignal: AbortSignal): unknown {
  const { method } = impl;
  const name = nameOf(impl);
  const run = impl.run as (input: unknown, context: CallContext) => unknown;
  const failed = (error: unknown, { signal }: HandlerContext) => failureOf(error, name, events, signal);
  if (impl.kind === "client_streaming") {
    return async (input: unknown, context: HandlerContext) => {
      const ending = new AbortController();
      const signal = AbortSignal.any([context.signal, ending.signal]);
      const cut = (error: WatchpostError) => ending.abort(error);
      const messages = uncut(inputOf(impl, input, context) as AsyncIterable<unknown>, ending.signal);
      try {
        const output = await Promise.race([
          run(messages, { ...contextOf(context), signal, cut }),
          cutOff(ending.signal),
        ]);
        events.onCall?.(name, "OK");
        return output;
      } catch (error) {
        throw failed(ending.signal.aborted ? ending.signal.reason : error, context);
      }
    };
  }
  if (impl.kind === "unary") {
    return async (input: unknown, context: HandlerContext) => {
      try {
        const output = await run(inputOf(impl, input, context), contextOf(context));
        events.onCall?.(name, "OK");
        if (impl.raw !== "output") return output;
        const writer = output as AnswerWriter;
        if (context.protocolName !== "connect") {
          writer.release();
          return fromBinary(method.output, writer.toBinary());
        }
        answerWith(context.values, writer);
        return create(method.output);
      } catch (error) {
        throw failed(error, context);
      }
    };
  }
  return async function* (input: unknown, context: HandlerContext) {
    const ending = new AbortController();
    let outputs: AsyncIterator<unknown> | undefined;
    const cut = (error: WatchpostError) => {
      if (ending.signal.aborted) return;
      ending.abort(error);
      // Nobody may ever ask for what comes next: other streams may keep an HTTP/2 connection open whose reader has left this one.
      outputs?.return?.().catch(() => {});
      context.values.get(CLOSE_UNREAD)();
    };
    const signal = AbortSignal.any([context.signal, ending.signal]);
    try {
      const running = run(inputOf(impl, input, context), {
        ...contextOf(context),
        signal,
        cut,
      }) as AsyncIterable<unknown>;
      const iterator = (outputs = running[Symbol.asyncIterator]());
      for await (const output of { [Symbol.asyncIterator]: () => iterator }) {
        yield impl.raw === "output" || impl.raw === "both"
          ? decodedOnce(method.output, output as Uint8Array)
          : create(method.output, output as never);
      }
      // What was cut off has not ended well, though its function has.
      ending.signal.throwIfAborted();
      if (context.signal.aborted && shutdownSignal.aborted) throw shutdownSignal.reason;
      events.onCall?.(name, "OK");
    } catch (error) {
      throw failed(ending.signal.aborted ? ending.signal.reason : error, context);
    }
  };
}

/** Tells of a call that has failed. */
function failureOf(error: unknown, name: string, events: TransportEvents, signal: AbortSignal): ConnectError {
  if (hasLeft(error, signal)) error = new ConnectError("the client left", Code.Canceled);
  if (error instanceof ConnectError) {
    events.onCall?.(name, statusNameOf(error.code));
    return error;
  }
  if (!(error instanceof WatchpostError)) events.onDefect?.(error, name);
  events.onCall?.(name, toStatus(error).name);
  return connectErrorOf(error);
}

/** Its messages until it is cut, though its client goes on. */
async function* uncut(messages: AsyncIterable<unknown>, ending: AbortSignal): AsyncGenerator<unknown, void> {
  for await (const message of messages) {
    ending.throwIfAborted();
    yield message;
  }
}

function cutOff(ending: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    ending.addEventListener("abort", () => reject(ending.reason), { once: true });
  });
}

/** The platform says that in an error of its own, or ends a stream with none. */
function hasLeft(error: unknown, { aborted, reason }: AbortSignal): boolean {
  if (error === undefined) return true;
  return aborted && error === reason && !(error instanceof WatchpostError) && !(error instanceof ConnectError);
}

/** Functions that take bytes get bytes: the hot decoder is the only one that judges points. */
function inputOf({ kind, method, raw }: MethodImpl, input: unknown, { values }: HandlerContext): unknown {
  if (raw !== "input" && raw !== "both") return input;
  const asSent = values.get(AS_SENT);
  if (kind === "unary") return asSent.shift() ?? toBinary(method.input, input as never);
  return bytesOf(method.input, input as AsyncIterable<never>, asSent);
}

function decodedOnce(schema: DescMessage, bytes: Uint8Array): unknown {
  let message = decoded.get(bytes);
  if (message === undefined) decoded.set(bytes, (message = fromBinary(schema, bytes)));
  return message;
}

async function* bytesOf(
  schema: DescMessage,
  messages: AsyncIterable<never>,
  asSent: Uint8Array[],
): AsyncIterable<Uint8Array> {
  for await (const message of messages) yield asSent.shift() ?? toBinary(schema, message);
}

function utf8Of(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw connectErrorOf(new WatchpostError("INVALID_ARGUMENT", "the body is not valid UTF-8; JSON is always UTF-8"));
  }
}

function contextOf({ signal, requestHeader, values }: HandlerContext): AskedContext {
  const admission = values.get(ADMISSION);
  return { signal, principal: ANONYMOUS, headers: new Map(requestHeader), peer: values.get(PEER), admission };
}

export function connectErrorOf(error: unknown): ConnectError {
  const { code, message } = toStatus(error);
  if (!(error instanceof WatchpostError)) return new ConnectError(message, code as Code);
  const { violations, retryAfterMs, messages } = toldError(error);
  const details = [];
  if (violations.length > 0) {
    const fieldViolations = violations.map(({ field, description }) => ({ field, description }));
    details.push({ desc: BadRequestSchema, value: { fieldViolations } });
  }
  if (retryAfterMs !== undefined) {
    details.push({ desc: RetryInfoSchema, value: { retryDelay: durationFromMs(retryAfterMs) } });
  }
  for (const { typeName: type, value } of messages) details.push({ type, value });
  return new ConnectError(message, code as Code, retryAfter(error), details as never);
}

/** The HTTP status that says about the same as a gRPC one. */
export function httpStatusOf(error: unknown): number {
  const { code } = toStatus(error);
  if (code === statusCodeOf("INVALID_ARGUMENT") || code === statusCodeOf("OUT_OF_RANGE")) return 400;
  if (code === statusCodeOf("UNAUTHENTICATED")) return 401;
  if (code === statusCodeOf("PERMISSION_DENIED")) return 403;
  if (code === statusCodeOf("NOT_FOUND")) return 404;
  if (code === statusCodeOf("RESOURCE_EXHAUSTED")) return 429;
  return code === statusCodeOf("UNAVAILABLE") ? 503 : 500;
}
