/** Uploads that survive restarts: what is not acknowledged is sent again on a new connection. */
import { fromBinary } from "@bufbuild/protobuf";
import { WatchpostError } from "../model/errors.ts";
import { STREAM_IN_FLIGHT_POINTS_MAX } from "../model/limits.ts";
import { BatchAckSchema, DataIngestion, type BatchAck } from "../wire/gen/ingestion_pb.ts";
import type { Batch } from "./batch.ts";
import { errorOf } from "../wire/call-error.ts";
import type { CallOptions, Connection } from "./connection.ts";

/** A point that the server refused. */
export interface Refusal {
  /** Its batch in this upload, from 0. */
  readonly batch: number;
  /** Its place in the batch, from 0; -1 where the whole batch was refused. */
  readonly point: number;
  readonly id: string;
  /** Where it was read, where that is known. */
  readonly line: number | undefined;
  readonly reason: string;
}

export interface UploadProgress {
  readonly batches: number;
  /** Durable. */
  readonly points: number;
  readonly pointsFailed: number;
  /** Refused since the report before; at most a hundred an acknowledgement. */
  readonly refused: readonly Refusal[];
}

export interface UploadOptions extends CallOptions {
  /** For all of it, waits before another attempt included. */
  readonly deadlineMs?: number;
  onProgress?(progress: UploadProgress): void;
}

/**
 * Sends all batches over StreamData and resolves when they are durable. Batches that were sent and not acknowledged
 * wait here, at most 100,000 points; after a failure that may pass they are sent again: points are upserts. What
 * `batches` throws is thrown here once everything before it is durable. Fails with what cannot be retried, when `signal`
 * aborts, or with DEADLINE_EXCEEDED.
 */
export async function uploadAll(
  connection: Connection,
  batches: AsyncIterable<Batch> | Iterable<Batch>,
  options: UploadOptions = {},
): Promise<UploadProgress> {
  const { deadlineMs, signal } = options;
  if (deadlineMs === undefined) return sendAll(connection, new Sender(batches, options), options);
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), deadlineMs);
  const bounded = { ...options, signal: AbortSignal.any(signal ? [signal, deadline.signal] : [deadline.signal]) };
  const sender = new Sender(batches, bounded);
  try {
    return await sendAll(connection, sender, bounded);
  } catch (error) {
    if (!deadline.signal.aborted || signal?.aborted || error === sender.inputFailure?.error) throw error;
    const message = `the upload took longer than ${deadlineMs} ms, ${sender.progress.batches} batches of it are durable`;
    throw new WatchpostError("DEADLINE_EXCEEDED", message, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

async function sendAll(connection: Connection, sender: Sender, options: UploadOptions): Promise<UploadProgress> {
  for (let attempt = 1; ; attempt++) {
    const before = sender.progress.batches;
    try {
      await sender.run(connection);
      break;
    } catch (error) {
      // Nothing is left to be sent, so what the server says no longer matters.
      if (sender.inputFailure !== undefined && sender.isEmpty) break;
      if (sender.progress.batches > before) attempt = 1;
      await connection.beforeRetry(error, attempt, options);
    }
  }
  if (sender.inputFailure !== undefined) throw sender.inputFailure.error;
  return sender.progress;
}

class Sender {
  readonly #input: AsyncIterator<Batch> | Iterator<Batch>;
  readonly #options: UploadOptions;
  /** In order; the first `#sent` of them are on their way in the present stream. */
  readonly #unacked: Batch[] = [];
  #sent = 0;
  #points = 0;
  #inputEnded = false;
  #reading: Promise<IteratorResult<Batch>> | undefined;
  #wake: () => void = () => {};
  /** What reading the input ended with. */
  inputFailure: { readonly error: unknown } | undefined;
  progress: UploadProgress = { batches: 0, points: 0, pointsFailed: 0, refused: [] };

  constructor(batches: AsyncIterable<Batch> | Iterable<Batch>, options: UploadOptions) {
    this.#input =
      Symbol.asyncIterator in batches
        ? batches[Symbol.asyncIterator]()
        : (batches as Iterable<Batch>)[Symbol.iterator]();
    this.#options = options;
  }

  /** Whether everything that was read is acknowledged. */
  get isEmpty(): boolean {
    return this.#unacked.length === 0;
  }

  /** One stream, until everything is acknowledged or it fails. */
  async run(connection: Connection): Promise<void> {
    this.#sent = 0;
    const { signal } = this.#options;
    const call = connection.bidiStream(DataIngestion.method.streamData);
    const ended = Promise.withResolvers<void>();
    ended.promise.catch(() => {});
    const start = this.progress;
    call.on("data", (bytes: Uint8Array) => this.#onAck(fromBinary(BatchAckSchema, bytes), start));
    call.on("error", (error) => ended.reject(errorOf(error)));
    call.on("end", () => ended.resolve());
    const cancel = () => {
      ended.reject(new WatchpostError("CANCELLED", "the upload was cancelled"));
      call.cancel();
    };
    signal?.addEventListener("abort", cancel);
    if (signal?.aborted) cancel();
    try {
      const sending = this.#send(call);
      sending.catch(() => {});
      await Promise.race([sending, ended.promise]);
      await ended.promise;
      if (this.isEmpty) return;
      const message = `the stream ended with ${this.#unacked.length} batches unacknowledged`;
      throw new WatchpostError("UNAVAILABLE", message);
    } catch (error) {
      call.cancel();
      throw error;
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  async #send(call: ReturnType<Connection["bidiStream"]>): Promise<void> {
    let failed = false;
    call.on("error", () => {
      failed = true;
      this.#wake();
    });
    while (!failed) {
      if (this.#sent === this.#unacked.length && !(await this.#readNext(() => failed))) break;
      if (failed) return;
      const { bytes } = this.#unacked[this.#sent++];
      if (!call.write(bytes)) await this.#until(call, () => failed || !call.writableNeedDrain);
    }
    if (!failed) call.end();
  }

  /** Brings the next batch of the input when there is room for it. Returns whether there is one to send. */
  async #readNext(isOver: () => boolean): Promise<boolean> {
    while (this.#points >= STREAM_IN_FLIGHT_POINTS_MAX && !isOver()) await this.#woken();
    if (this.#inputEnded || isOver()) return false;
    this.#reading ??= this.#nextOfInput();
    const next = await this.#reading;
    // A stream that has failed meanwhile leaves it to the one after it.
    if (isOver()) return false;
    this.#reading = undefined;
    if (next.done) {
      this.#inputEnded = true;
      return false;
    }
    this.#unacked.push(next.value);
    this.#points += next.value.points;
    return true;
  }

  async #nextOfInput(): Promise<IteratorResult<Batch>> {
    try {
      return await this.#input.next();
    } catch (error) {
      this.inputFailure = { error };
      return { done: true, value: undefined };
    }
  }

  async #until(call: ReturnType<Connection["bidiStream"]>, holds: () => boolean): Promise<void> {
    const wake = () => this.#wake();
    call.on("drain", wake);
    while (!holds()) await this.#woken();
    call.off("drain", wake);
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  #onAck(ack: BatchAck, start: UploadProgress): void {
    const before = this.progress.batches;
    const batches = start.batches + Number(ack.batches);
    const acked = this.#unacked.splice(0, batches - before);
    for (const { points } of acked) {
      this.#points -= points;
      this.#sent--;
    }
    const refused = ack.refused.map(({ batchIndex, pointIndex: point, pointId: id, reason }) => {
      const batch = start.batches + Number(batchIndex);
      return { batch, point, id, line: acked[batch - before]?.lines?.[point], reason };
    });
    this.progress = {
      batches,
      points: start.points + Number(ack.pointsProcessed),
      pointsFailed: start.pointsFailed + Number(ack.pointsFailed),
      refused,
    };
    this.#options.onProgress?.(this.progress);
    this.#wake();
  }
}
