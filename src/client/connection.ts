/** A connection to a server, and calls over it as bytes; errors are WatchpostErrors. */
import {
  Client,
  connectivityState,
  Metadata,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ServiceError,
} from "@grpc/grpc-js";
import type { DescMethod } from "@bufbuild/protobuf";
import { WatchpostError } from "../model/errors.ts";
import { MESSAGE_BYTES_MAX } from "../model/limits.ts";
import type { Clock } from "../model/clock.ts";
import { systemClock } from "../model/system-clock.ts";
import { errorOf, isServiceError } from "../wire/call-error.ts";
import { channelCredentials, type ClientTls } from "../wire/channel-credentials.ts";
import { CLOSED_EARLY, isLastingFault } from "../wire/connect-fault.ts";
import { backoffMs } from "../model/backoff.ts";

export interface Retry {
  readonly error: WatchpostError;
  readonly attempt: number;
  readonly delayMs: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Hears of every failure that is tried again. */
  onRetry?(retry: Retry): void;
}

export interface ConnectOptions {
  /** Shown with every call; left out: none. */
  readonly token?: string;
  /** Undefined: without TLS. */
  readonly tls?: ClientTls | undefined;
  readonly clock?: Clock;
  /** Uniform in [0, 1). */
  random?(): number;
}

const identity = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const same = (bytes: Buffer): Uint8Array => bytes;

export class Connection {
  readonly address: string;
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #token: string | undefined;
  readonly #tls: ClientTls | undefined;

  /** Connects with the first call. Bulk streams want a connection each. */
  constructor(address: string, { token, tls, clock = systemClock, random = Math.random }: ConnectOptions = {}) {
    this.address = address;
    this.#tls = tls;
    this.#clock = clock;
    this.#random = random;
    this.#token = token;
    this.#client = new Client(address, channelCredentials(tls), {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.max_receive_message_length": 2 * MESSAGE_BYTES_MAX,
      "grpc.keepalive_time_ms": 20_000,
      "grpc.keepalive_timeout_ms": 10_000,
      "grpc.max_reconnect_backoff_ms": 2_000,
      "grpc.initial_reconnect_backoff_ms": 200,
      ...(tls?.serverName !== undefined && { "grpc.ssl_target_name_override": tls.serverName }),
    });
  }

  unary(
    method: DescMethod,
    request: Uint8Array,
    { signal, deadlineMs }: { signal?: AbortSignal; deadlineMs?: number },
  ) {
    return new Promise<Uint8Array>((resolve, reject) => {
      const options = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
      const call = this.#client.makeUnaryRequest(
        pathOf(method),
        identity,
        same,
        request,
        this.#metadata(),
        options,
        (error: ServiceError | null, answer?: Uint8Array) => {
          signal?.removeEventListener("abort", cancel);
          if (error) reject(this.failureOf(error));
          else resolve(answer!);
        },
      );
      const cancel = () => call.cancel();
      signal?.addEventListener("abort", cancel, { once: true });
      if (signal?.aborted) cancel();
    });
  }

  serverStream(method: DescMethod, request: Uint8Array): ClientReadableStream<Uint8Array> {
    return this.#client.makeServerStreamRequest(pathOf(method), identity, same, request, this.#metadata());
  }

  bidiStream(method: DescMethod): ClientDuplexStream<Uint8Array, Uint8Array> {
    return this.#client.makeBidiStreamRequest(pathOf(method), identity, same, this.#metadata());
  }

  #metadata(): Metadata {
    const metadata = new Metadata();
    if (this.#token !== undefined) metadata.set("authorization", `Bearer ${this.#token}`);
    return metadata;
  }

  /** Waits before attempt `attempt` as long as the server asks for, or backs off. Throws what must not be retried. */
  async beforeRetry(error: unknown, attempt: number, { signal, onRetry }: CallOptions): Promise<void> {
    // What the caller's own input threw is none of the server's troubles.
    if (!isCallError(error)) throw error;
    const failure = this.failureOf(error);
    if (signal?.aborted || !isRetryable(failure)) throw failure;
    const delayMs = Math.max(backoffMs(attempt, this.#random()), failure.retryAfterMs ?? 0);
    onRetry?.({ error: failure, attempt, delayMs });
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(delayMs, done);
      signal?.addEventListener("abort", done, { once: true });
      // The timer of a clock does not keep a process alive, this wait does.
      const alive = setInterval(() => {}, 60_000);
      function done() {
        cancel();
        clearInterval(alive);
        signal?.removeEventListener("abort", done);
        resolve();
      }
    });
    if (signal?.aborted) throw failure;
  }

  /** Whether there is a connection to the server at this moment. */
  get isConnected(): boolean {
    return this.#client.getChannel().getConnectivityState(false) === connectivityState.READY;
  }

  /** What is wrong with the address, or with what is shown there, says which one it is. */
  failureOf(thrown: unknown): WatchpostError {
    const error = errorOf(thrown);
    const { message } = error;
    const told = (text: string) => new WatchpostError(error.status, `${this.address}: ${text}`);
    if (isLastingFault(message)) return told(message);
    if (message !== CLOSED_EARLY) return error;
    const { cert } = this.#tls ?? {};
    if (this.#tls === undefined) return told(`${message}; does it want TLS?`);
    return told(
      `${message}; does it ${cert === undefined ? "want a certificate" : "not accept the certificate"} of the client?`,
    );
  }

  close(): void {
    this.#client.close();
  }
}

function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

function isCallError(error: unknown): boolean {
  return error instanceof WatchpostError || isServiceError(error);
}

/**
 * What a stream that can resume tries again: a server that is not there, one that is full and says when to come again,
 * and the codes that cut connections arrive with. What is too large once is too large again.
 */
export function isRetryable({ status, retryAfterMs }: WatchpostError): boolean {
  if (status === "RESOURCE_EXHAUSTED") return retryAfterMs !== undefined;
  return status === "UNAVAILABLE" || status === "INTERNAL" || status === "UNKNOWN";
}
