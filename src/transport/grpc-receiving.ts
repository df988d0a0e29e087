/** Counts what arrives in gRPC calls before their handlers see it. */
import type { ServerInterceptor, StatusObject } from "@grpc/grpc-js";
import { constants, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { BufferPool } from "../model/buffer-pool.ts";
import { WatchpostError } from "../model/errors.ts";
import { MESSAGE_BYTES_MAX } from "../model/limits.ts";
import { headerText } from "../wire/told-error.ts";
import { widenConnection } from "./flow-control.ts";
import { MessageAssembler } from "./message-assembler.ts";
import { shownCertificate, type ShownCertificate } from "./peer-certificates.ts";
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
  sendStatus(status: Partial<StatusObject>): void;
}

export class GrpcReceiving {
  readonly #received: ReceivedBytes;
  readonly #statusOf: (error: WatchpostError) => StatusObject;
  readonly #incoming = new WeakMap<object, Incoming>();
  /** Begun, and their handlers not called yet; the oldest first, with what refuses them. */
  readonly #unasked = new Map<object, (error: WatchpostError) => void>();
  readonly #pool = new BufferPool(POOLED_BYTES_MIN, POOLED_BYTES_MAX, POOL_BYTES_MAX);

  constructor(received: ReceivedBytes, statusOf: (error: WatchpostError) => StatusObject) {
    this.#received = received;
    this.#statusOf = statusOf;
  }

  readonly interceptor: ServerInterceptor = (_method, call) => {
    const base = call as unknown as BaseCall;
    widenConnection(base.stream);
    const assembler = new MessageAssembler(MESSAGE_BYTES_MAX, this.#pool);
    const refuse = (error: WatchpostError) => {
      base.sendStatus(this.#statusOf(error));
      assembler.end();
      // Its client is to send no more.
      setImmediate(() => base.stream.close(constants.NGHTTP2_NO_ERROR));
    };
    const holder = this.#received.holder(refuse);
    this.#wait(base, refuse);
    const incoming = new Incoming(base, assembler, holder);
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
    this.#unasked.delete(base);
    return this.#incoming.get(base)!;
  }

  #wait(base: BaseCall, refuse: (error: WatchpostError) => void): void {
    this.#unasked.set(base, refuse);
    base.stream.once("close", () => this.#unasked.delete(base));
    if (this.#unasked.size <= UNASKED_MAX) return;
    const [[oldest, refuseOldest]] = this.#unasked;
    this.#unasked.delete(oldest);
    const message = `${UNASKED_MAX} calls have not sent what they ask, and this one has waited for longest; try again in ${RETRY_AFTER_MS} ms`;
    refuseOldest(new WatchpostError("RESOURCE_EXHAUSTED", message, { retryAfterMs: RETRY_AFTER_MS }));
  }
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

  constructor(base: BaseCall, assembler: MessageAssembler, holder: ReceivedHolder) {
    this.#assembler = assembler;
    this.#holder = holder;
    this.#stream = base.stream;
    base.decoder = { write: (data) => this.#write(data) };
    base.stream.once("close", () => holder.close());
  }

  /** Of the connection that the call came over. */
  get shown(): ShownCertificate {
    return shownCertificate(this.#stream.session);
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
