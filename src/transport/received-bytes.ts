import { formatByteSize } from "../model/byte-size.ts";
import { WatchpostError } from "../model/errors.ts";

const RETRY_AFTER_MS = 1_000;

/**
 * Bounds what has arrived and was not taken yet: messages that are not whole, and those that wait for their reader.
 * Over the bound the call that has gone longest without progress is refused, so that senders who stop in the middle
 * of a message do not take the room of those who go on. What a single call holds may be more than the bound.
 */
export class ReceivedBytes {
  readonly #bytesMax: number;
  /** Those that hold something, the longest without progress first. */
  readonly #holders = new Set<ReceivedHolder>();
  #bytes = 0;
  #refused = 0;
  /** To be told when there is less. */
  onShrunk: () => void = () => {};

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get refused(): number {
    return this.#refused;
  }

  /** For one call. `refuse` must end it, which closes its holder. */
  holder(refuse: (error: WatchpostError) => void): ReceivedHolder {
    return new ReceivedHolder(this, refuse);
  }

  change(holder: ReceivedHolder, bytes: number): void {
    this.#bytes += bytes;
    // Whoever gave something back has made progress: it goes behind the others.
    if (bytes < 0 || holder.bytes === 0) this.#holders.delete(holder);
    if (holder.bytes > 0) this.#holders.add(holder);
    if (bytes < 0) this.onShrunk();
    else if (this.#bytes > this.#bytesMax && this.#holders.size > 1) this.#refuseOldest();
  }

  #refuseOldest(): void {
    const [oldest] = this.#holders;
    const held = formatByteSize(oldest.bytes);
    const all = `${formatByteSize(this.#bytes)} of ${formatByteSize(this.#bytesMax)}`;
    oldest.close();
    this.#refused++;
    oldest.refuse(
      new WatchpostError(
        "RESOURCE_EXHAUSTED",
        `messages that have not arrived whole or wait to be read hold ${all}; this call has held ${held} for longest: try again in ${RETRY_AFTER_MS} ms`,
        { retryAfterMs: RETRY_AFTER_MS },
      ),
    );
  }
}

/** What one call holds. */
export class ReceivedHolder {
  readonly #received: ReceivedBytes;
  readonly refuse: (error: WatchpostError) => void;
  #bytes = 0;
  #closed = false;

  constructor(received: ReceivedBytes, refuse: (error: WatchpostError) => void) {
    this.#received = received;
    this.refuse = refuse;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** More has arrived, or with a negative number of bytes something was taken. */
  change(bytes: number): void {
    if (this.#closed || bytes === 0) return;
    this.#bytes += bytes;
    this.#received.change(this, bytes);
  }

  /** The call has ended. Idempotent. */
  close(): void {
    this.change(-this.#bytes);
    this.#closed = true;
  }
}
