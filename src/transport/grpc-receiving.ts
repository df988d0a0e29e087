/** What arrives in gRPC calls before their handlers see it: it is counted, and received of those alone who may call. */
import type { Metadata, ServerInterceptor, StatusObject } from "@grpc/grpc-js";
import { constants, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { BufferPool } from "../model/buffer-pool.ts";
import { WatchpostError } from "../model/errors.ts";
import { MESSAGE_BYTES_MAX, METADATA_BYTES_MAX } from "../model/limits.ts";
import type { Admission, Caller, Gate } from "../wire/gate.ts";
import { toStatus } from "../wire/status.ts";
import { headerText } from "../wire/told-error.ts";
import { widenConnection } from "./flow-control.ts";
import { MessageAssembler } from "./message-assembler.ts";
import type { TransportEvents } from "./open-calls.ts";
import { shownCertificate } from "./peer-certificates.ts";
import type { ReceivedBytes, ReceivedHolder } from "./received-bytes.ts";

const POOLED_BYTES_MIN = 64 * 1024;
const POOLED_BYTES_MAX = 1024 * 1024;
const POOL_BYTES_MAX = 16 * 1024 * 1024;
/** Messages that were taken, after which they are forgotten though others wait. */
const TAKEN_KEPT_MAX = 64;
const RETRY_AFTER_MS = 1_000;
/** Calls of whom nobody knows who makes them, since what they ask has not come: over it the oldest is refused. */
const UNASKED_MAX = 2_000;

/** What grpc-js keeps to itself of a call: messages are put together by the decoder, from the first byte on. */
interface BaseCall {
  decoder: { write(data: Buffer): Buffer[] };
  readonly stream: ServerHttp2Stream;
  readonly metadata: Metadata;
  /** With its port. */
  getPeer(): string;
  sendStatus(status: Partial<StatusObject>): void;
}

export interface GrpcReceivingDeps {
  readonly received: ReceivedBytes;
  readonly gate: Gate;
  readonly events: TransportEvents;
  statusOf(error: unknown): StatusObject;
}

/** One that has begun. */
interface Unasked {
  refuse(error: unknown): void;
  /** Ends the wait for what it was taken for to be withdrawn. */
  release(): void;
}

export class GrpcReceiving {
  readonly #deps: GrpcReceivingDeps;
  readonly #incoming = new WeakMap<object, Incoming>();
  /** Begun, and their handlers not called yet; the oldest first. */
  readonly #unasked = new Map<object, Unasked>();
  readonly #pool = new BufferPool(POOLED_BYTES_MIN, POOLED_BYTES_MAX, POOL_BYTES_MAX);

  constructor(deps: GrpcReceivingDeps) {
    this.#deps = deps;
  }

  readonly interceptor: ServerInterceptor = ({ path }, call) => {
    const base = call as unknown as BaseCall;
    widenConnection(base.stream);
    const assembler = new MessageAssembler(MESSAGE_BYTES_MAX, this.#pool);
    const refuse = (error: unknown) => {
      base.sendStatus(this.#deps.statusOf(error));
      assembler.end();
      // Its client is to send no more.
      setImmediate(() => base.stream.close(constants.NGHTTP2_NO_ERROR));
    };
    const holder = this.#deps.received.holder(refuse);
    this.#wait(base, refuse);
    const caller = callerOf(base);
    const incoming = new Incoming(base, assembler, holder, caller, this.#ask(path.slice(1), caller, base));
    const sendStatus = base.sendStatus.bind(base);
    base.sendStatus = (status) => {
      // What grpc-js says of a call may hold a header of its client, of any length.
      const bounded = { ...status, details: headerText(status.details ?? "") };
      incoming.sentStatus ??= bounded;
      sendStatus(bounded);
    };
    this.#incoming.set(base, incoming);
    return call as ReturnType<ServerInterceptor>;
  };

  /** `call` as grpc-js hands it to a handler. */
  of(call: object): Incoming {
    const base = (call as { readonly call: object }).call;
    this.#leave(base);
    return this.#incoming.get(base)!;
  }

  /** Whoever may not call is told so at once, unless the call's handler has begun by then, which is told, too. */
  #ask(name: string, caller: Caller, base: BaseCall): Admission | Promise<Admission> {
    const refused = (error: unknown) => {
      const unasked = this.#leave(base);
      if (unasked === undefined) return;
      const { events } = this.#deps;
      if (!(error instanceof WatchpostError)) events.onDefect?.(error, name);
      events.onCall?.(name, toStatus(error).name);
      unasked.refuse(error);
    };
    const admitted = (admission: Admission) => {
      const unasked = this.#unasked.get(base);
      if (unasked !== undefined) unasked.release = admission.hold(refused);
    };
    try {
      const { refusal } = shownCertificate(base.stream.session);
      const unfit = oversizedMetadata(base.metadata) ?? refusal;
      if (unfit !== undefined) throw unfit;
      const admission = this.#deps.gate.admit(name, caller);
      if (admission instanceof Promise) admission.then(admitted, refused);
      // Handlers of calls that stream begin by then.
      else process.nextTick(admitted, admission);
      return admission;
    } catch (error) {
      process.nextTick(refused, error);
      const refusal = Promise.reject<Admission>(error);
      refusal.catch(() => {});
      return refusal;
    }
  }

  /** It does not wait any more; undefined where it did not. */
  #leave(base: object): Unasked | undefined {
    const unasked = this.#unasked.get(base);
    if (unasked === undefined) return undefined;
    this.#unasked.delete(base);
    unasked.release();
    return unasked;
  }

  #wait(base: BaseCall, refuse: (error: unknown) => void): void {
    this.#unasked.set(base, { refuse, release() {} });
    base.stream.once("close", () => this.#leave(base));
    if (this.#unasked.size <= UNASKED_MAX) return;
    const [oldest] = this.#unasked.keys();
    const message = `${UNASKED_MAX} calls have not sent what they ask, and this one has waited for longest; try again in ${RETRY_AFTER_MS} ms`;
    this.#leave(oldest)?.refuse(new WatchpostError("RESOURCE_EXHAUSTED", message, { retryAfterMs: RETRY_AFTER_MS }));
  }
}

/** Its headers are made when they are asked for. */
function callerOf(base: BaseCall): Caller {
  let headers: Map<string, string> | undefined;
  const { certificate } = shownCertificate(base.stream.session);
  return {
    get headers() {
      return (headers ??= new Map(Object.entries(base.metadata.getMap()).map(([key, value]) => [key, String(value)])));
    },
    // "::1:51234" as well.
    peer: base.getPeer().replace(/:\d+$/, ""),
    ...(certificate === undefined ? {} : { certificate }),
  };
}

function oversizedMetadata(metadata: Metadata): WatchpostError | undefined {
  let bytes = 0;
  for (const [key, value] of Object.entries(metadata.getMap())) bytes += key.length + value.length + 32;
  if (bytes <= METADATA_BYTES_MAX) return undefined;
  const message = `the metadata has ${bytes} bytes; wanted at most ${METADATA_BYTES_MAX}`;
  return new WatchpostError("RESOURCE_EXHAUSTED", message);
}

/** Messages of one call that were not taken yet, by their bytes. */
export class Incoming {
  readonly #assembler: MessageAssembler;
  readonly #holder: ReceivedHolder;
  readonly #stream: ServerHttp2Stream;
  /** Whole messages; those before `#first` were taken, those before `#unpacked` may have been compressed. */
  #messages: Buffer[] = [];
  #sizes: number[] = [];
  #first = 0;
  #unpacked = 0;
  /** What the call was ended with, also by grpc-js itself, of which its handler hears as a cancellation. */
  sentStatus: Partial<StatusObject> | undefined;
  /** Whoever makes it. */
  readonly caller: Caller;
  /** Rejects with why it was refused. */
  readonly admission: Admission | Promise<Admission>;

  constructor(
    base: BaseCall,
    assembler: MessageAssembler,
    holder: ReceivedHolder,
    caller: Caller,
    admission: Admission | Promise<Admission>,
  ) {
    [this.caller, this.admission] = [caller, admission];
    this.#assembler = assembler;
    this.#holder = holder;
    this.#stream = base.stream;
    base.decoder = { write: (data) => this.#write(data) };
    base.stream.once("close", () => holder.close());
  }

  /** That the call came over; undefined where it is closed. */
  get connection(): ServerHttp2Session | undefined {
    return this.#stream.session as ServerHttp2Session | undefined;
  }

  /** When the call is over and what was answered has left, or at once where it is. */
  onClose(run: () => void): void {
    if (this.#stream.closed) run();
    else this.#stream.once("close", run);
  }

  /** Resets the stream of a call that is over, unless it has closed by then: a client that goes on later tries again. */
  cutAfter(delayMs: number): void {
    if (this.#stream.closed) return;
    const timer = setTimeout(() => this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR), delayMs);
    this.#stream.once("close", () => clearTimeout(timer));
  }

  /** The next message as its handler gets it: of a compressed one this is more than has arrived. */
  unpacked(bytes: number): void {
    const at = this.#unpacked++;
    if (bytes <= this.#sizes[at]) return;
    this.#holder.change(bytes - this.#sizes[at]);
    this.#sizes[at] = bytes;
  }

  /** The oldest message is dealt with: nothing refers to its bytes. */
  taken(): void {
    const at = this.#first++;
    this.#holder.change(-this.#sizes[at]);
    this.#assembler.release(this.#messages[at]);
    if (this.#first < this.#sizes.length && this.#first < TAKEN_KEPT_MAX) return;
    this.#messages.splice(0, this.#first);
    this.#sizes.splice(0, this.#first);
    this.#unpacked -= this.#first;
    this.#first = 0;
  }

  #write(data: Buffer): Buffer[] {
    const messages = this.#assembler.write(data);
    for (const message of messages) {
      this.#messages.push(message);
      this.#sizes.push(message.length);
    }
    this.#holder.change(data.length);
    return messages;
  }
}
