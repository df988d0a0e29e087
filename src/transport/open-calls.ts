/** gRPC calls from their begin to their status. A fleet has thousands of them open: what each holds is little. */
import {
  Metadata,
  status as GrpcStatus,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type StatusObject,
} from "@grpc/grpc-js";
import { WatchpostError } from "../model/errors.ts";
import { ANONYMOUS, type MethodImpl } from "../wire/service.ts";
import { fromStatus, STATUS_DETAILS_KEY, toStatus, type WireStatus } from "../wire/status.ts";
import { ConnectionAges, type AgeLimit } from "./connection-ages.ts";
import type { Incoming } from "./grpc-receiving.ts";
import type { AskedContext } from "./guarded.ts";
import type { MessageQueue } from "./message-queue.ts";

export type ReadingCall = ServerReadableStream<Uint8Array, Uint8Array> | ServerDuplexStream<Uint8Array, Uint8Array>;
export type WritingCall = ServerWritableStream<Uint8Array, Uint8Array> | ServerDuplexStream<Uint8Array, Uint8Array>;
export type AnyCall = ServerUnaryCall<Uint8Array, Uint8Array> | ReadingCall | WritingCall;

export interface TransportEvents {
  /** A call has ended; `status` is "OK" or a gRPC status name. */
  onCall?(method: string, status: string): void;
  /** Something was thrown that is no WatchpostError. */
  onDefect?(error: unknown, method: string): void;
}

export class OpenCalls {
  readonly events: TransportEvents;
  readonly #open = new Set<OpenCall>();
  readonly #ages: ConnectionAges<OpenCall>;

  constructor(events: TransportEvents, age: AgeLimit) {
    this.events = events;
    this.#ages = new ConnectionAges(age, (calls, reason) => drainCalls(calls, reason));
  }

  open(call: AnyCall, impl: MethodImpl, incoming: Incoming): OpenCall {
    const open = new OpenCall(this, call, impl, incoming);
    this.#open.add(open);
    open.onFinish = this.#ages.began(incoming.connection, open);
    return open;
  }

  /** It has its status. */
  forget(open: OpenCall): void {
    this.#open.delete(open);
  }

  /** Ends what would not end by itself. What has arrived is still answered, and an answer that is on its way goes out. */
  drain(reason: WatchpostError): void {
    drainCalls(this.#open, reason);
  }

  endAll(reason: WatchpostError): void {
    for (const open of this.#open) open.end(reason);
  }
}

function drainCalls(calls: Iterable<OpenCall>, reason: WatchpostError): void {
  for (const open of calls) {
    const { kind, input } = open;
    if (kind === "server_streaming") open.end(reason);
    else if (kind === "client_streaming" && input?.isEnded !== true) open.end(reason);
    else if (kind === "bidi_streaming" && input?.isEnded !== true) {
      open.cutShort = reason;
      if (input === undefined) open.end(reason);
      else input.end();
    }
  }
}

/** One call. */
export class OpenCall {
  readonly kind: MethodImpl["kind"];
  readonly context: AskedContext;
  /** Messages of a client that streams. */
  input?: MessageQueue;
  /** Why the input was ended before its client had ended it: the status of the call. */
  cutShort?: WatchpostError;
  /** Hears once that it has its status. */
  onFinish: (() => void) | undefined;
  readonly #calls: OpenCalls;
  readonly #method: MethodImpl["method"];
  readonly #controller = new AbortController();
  readonly #ended = Promise.withResolvers<never>();
  #isFinished = false;

  constructor(calls: OpenCalls, call: AnyCall, { kind, method }: MethodImpl, incoming: Incoming) {
    this.#calls = calls;
    this.kind = kind;
    this.#method = method;
    this.#ended.promise.catch(() => {});
    this.context = contextOf(incoming, this.#controller.signal, (error) => this.end(error));
    (call as ServerUnaryCall<Uint8Array, Uint8Array>).on("cancelled", () => {
      const { code = GrpcStatus.OK, details = "" } = incoming.sentStatus ?? {};
      if (code !== GrpcStatus.OK) this.end(fromStatus(code, details));
      else this.end(new WatchpostError("CANCELLED", "the client left or its deadline passed"));
    });
  }

  /** Rejects when the client has left or the server ends the call. */
  get ended(): Promise<never> {
    return this.#ended.promise;
  }

  end(error: WatchpostError): void {
    if (this.#isFinished) return;
    this.#ended.reject(error);
    this.#controller.abort(error);
  }

  finish(status: string): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#calls.forget(this);
    this.onFinish?.();
    this.#calls.events.onCall?.(this.#name, status);
  }

  /** Finishes the call with an error and returns what grpc-js takes for it. */
  statusOf(error: unknown): StatusObject {
    const isTransports = isTransportError(error);
    if (!(error instanceof WatchpostError) && !isTransports) this.#calls.events.onDefect?.(error, this.#name);
    const status = isTransports ? transportStatus(error) : toStatus(error);
    this.finish(status.name);
    if (!this.#controller.signal.aborted) this.#controller.abort(error);
    return statusObject(status);
  }

  get #name(): string {
    return `${this.#method.parent.typeName}/${this.#method.name}`;
  }
}

export function statusObject({
  code,
  message,
  details,
}: Pick<WireStatus, "code" | "message" | "details">): StatusObject {
  const metadata = new Metadata();
  if (details) metadata.set(STATUS_DETAILS_KEY, Buffer.from(details));
  return { code, details: message, metadata };
}

function contextOf(
  { caller, admission }: Incoming,
  signal: AbortSignal,
  cut: (error: WatchpostError) => void,
): AskedContext {
  const { peer, certificate } = caller;
  return {
    signal,
    principal: ANONYMOUS,
    get headers() {
      return caller.headers;
    },
    peer,
    ...(certificate === undefined ? {} : { certificate }),
    admission,
    cut,
  };
}

/** What grpc-js itself found wrong with a call, such as a message that is too large. */
function isTransportError(error: unknown): error is { code: number; details: string } {
  const { code, details } = (error ?? {}) as { code?: unknown; details?: unknown };
  return typeof code === "number" && typeof details === "string";
}

function transportStatus({ code, details }: { code: number; details: string }) {
  return { code, name: GrpcStatus[code] ?? "UNKNOWN", message: details, details: undefined };
}
