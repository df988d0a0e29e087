/**
 * What the names of series may take, of all streams together. They stay for as long as a stream is open, at no cost for whoever
 * sent them: without a bound of their own a few streams that send nothing any more would hold the memory of all.
 */
import { formatByteSize } from "../../model/byte-size.ts";
import type { Clock } from "../../model/clock.ts";
import { WatchpostError } from "../../model/errors.ts";

export interface NamingStream {
  /** Ends it with an error. */
  end(error: unknown): void;
}

interface Held {
  bytes: number;
  heardMs: number;
}

const SHARE = 1 / 4;
/** Nothing was heard of it for so long. */
const IDLE_MS = 10_000;
const CONNECT_AGAIN_MS = 1_000;

export class NamesShare {
  readonly #limitBytes: number;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #held = new Map<NamingStream, Held>();
  #bytes = 0;

  constructor(budgetBytes: number, clock: Pick<Clock, "monotonicMs">) {
    this.#limitBytes = Math.floor(budgetBytes * SHARE);
    this.#clock = clock;
  }

  /** Of all streams that have not ended. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes room, and ends others where there is none: of those that are idle the one with most names, or of all where the idle
   * ones have too few. Throws RESOURCE_EXHAUSTED where that is the stream itself. What is larger than all there is goes alone.
   */
  take(stream: NamingStream, bytes: number): void {
    const held = this.#heldBy(stream);
    held.heardMs = this.#clock.monotonicMs();
    while (bytes > 0 && this.#bytes > 0 && this.#bytes + bytes > this.#limitBytes) {
      const largest = this.#largest(stream, bytes);
      const error = this.#refusal(this.#held.get(largest)!.bytes);
      if (largest === stream) throw error;
      this.leave(largest);
      largest.end(error);
    }
    held.bytes += bytes;
    this.#bytes += bytes;
  }

  /** The same for a stream that has room already, where there is some: nobody is ended for it. */
  tryTake(stream: NamingStream, bytes: number): boolean {
    const held = this.#held.get(stream);
    if (held === undefined || this.#bytes + bytes > this.#limitBytes) return false;
    held.bytes += bytes;
    this.#bytes += bytes;
    return true;
  }

  giveBack(stream: NamingStream, bytes: number): void {
    const held = this.#held.get(stream);
    if (held === undefined) return;
    held.bytes -= bytes;
    this.#bytes -= bytes;
  }

  /** Of a stream that is over. */
  leave(stream: NamingStream): void {
    this.#bytes -= this.#held.get(stream)?.bytes ?? 0;
    this.#held.delete(stream);
  }

  #heldBy(stream: NamingStream): Held {
    let held = this.#held.get(stream);
    if (held === undefined) this.#held.set(stream, (held = { bytes: 0, heardMs: this.#clock.monotonicMs() }));
    return held;
  }

  /** Of a stream that asks for `more`; what it has asked for counts as well. */
  #largest(asking: NamingStream, more: number): NamingStream {
    const idleSinceMs = this.#clock.monotonicMs() - IDLE_MS;
    const all = [...this.#held];
    const idle = all.filter(([, { bytes, heardMs }]) => bytes > 0 && heardMs <= idleSinceMs);
    const idleBytes = idle.reduce((sum, [, { bytes }]) => sum + bytes, 0);
    const areEnough = this.#bytes - idleBytes + more <= this.#limitBytes;
    const sizeOf = ([stream, { bytes }]: (typeof all)[number]) => bytes + (stream === asking ? more : 0);
    const [largest] = (areEnough ? idle : all).reduce((a, b) => (sizeOf(b) > sizeOf(a) ? b : a));
    return largest;
  }

  #refusal(bytes: number): WatchpostError {
    const message =
      `the series that nodes have named in their streams may take ${formatByteSize(this.#limitBytes)} (a quarter of ` +
      `memory.budget), and those of this stream, which take ${formatByteSize(bytes)}, have to make room; connect again to go on`;
    return new WatchpostError("RESOURCE_EXHAUSTED", message, { retryAfterMs: CONNECT_AGAIN_MS });
  }
}
