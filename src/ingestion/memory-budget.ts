import { WatchpostError } from "../model/errors.ts";
import { formatByteSize } from "../model/byte-size.ts";
import type { Clock } from "../model/clock.ts";

export interface MemoryBudgetOptions {
  readonly limitBytes: number;
  /** How long work waits for room before it is refused. While it waits its sender is held back by flow control. */
  readonly waitMsMax: number;
  /** Told to those refused. */
  readonly retryAfterMs: number;
}

interface Waiter {
  readonly bytes: number;
  readonly sinceMs: number;
  admit(): void;
}

/**
 * One bound over everything that holds points in memory: messages that arrive, batches being committed, the head,
 * answers that have not left. Work that does not fit waits in line for a while, then is refused with RESOURCE_EXHAUSTED
 * and RetryInfo.
 */
export class MemoryBudget {
  readonly #options: MemoryBudgetOptions;
  readonly #clock: Clock;
  readonly #parts: (() => number)[] = [];
  readonly #waiters: Waiter[] = [];
  #reservedBytes = 0;
  #refused = 0;

  constructor(options: MemoryBudgetOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** Adds a part that is measured where it lies, such as the head. */
  addPart(usedBytes: () => number): void {
    this.#parts.push(usedBytes);
  }

  get limitBytes(): number {
    return this.#options.limitBytes;
  }

  get usedBytes(): number {
    return this.#parts.reduce((sum, used) => sum + used(), this.#reservedBytes);
  }

  get reservedBytes(): number {
    return this.#reservedBytes;
  }

  get waiting(): number {
    return this.#waiters.length;
  }

  /** How long the first of those has waited; 0: none waits. */
  get waitedMs(): number {
    return this.#waiters.length === 0 ? 0 : this.#clock.monotonicMs() - this.#waiters[0].sinceMs;
  }

  get refused(): number {
    return this.#refused;
  }

  /** Reserves at once, or says that it must be waited for. What is reserved must be given back with {@link release}. */
  tryReserve(bytes: number): boolean {
    if (this.#waiters.length > 0 || !this.#fits(bytes)) return false;
    this.#reservedBytes += bytes;
    return true;
  }

  /** The same for what waits for nobody: whether others wait does not matter. */
  tryReserveNow(bytes: number): boolean {
    if (!this.#fits(bytes)) return false;
    this.#reservedBytes += bytes;
    return true;
  }

  /** Reserves when there is room. Throws RESOURCE_EXHAUSTED when there is none in time, CANCELLED on abort. */
  async reserve(bytes: number, { signal }: { signal: AbortSignal }): Promise<void> {
    if (this.tryReserve(bytes)) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { bytes, sinceMs: this.#clock.monotonicMs(), admit: resolve };
    this.#waiters.push(waiter);
    const leave = (error: Error) => {
      const at = this.#waiters.indexOf(waiter);
      if (at < 0) return;
      this.#waiters.splice(at, 1);
      reject(error);
      this.#admitWaiters();
    };
    const onAbort = () => leave(new WatchpostError("CANCELLED", "the call ended while it waited for memory"));
    signal.addEventListener("abort", onAbort, { once: true });
    const cancelTimer = this.#clock.after(this.#options.waitMsMax, () => {
      this.#refused++;
      leave(this.refusal(bytes));
    });
    if (signal.aborted) onAbort();
    try {
      await promise;
    } finally {
      cancelTimer();
      signal.removeEventListener("abort", onAbort);
    }
  }

  release(bytes: number): void {
    this.#reservedBytes -= bytes;
    this.#admitWaiters();
  }

  /** To be called when a part has become smaller. */
  partShrank(): void {
    this.#admitWaiters();
  }

  #fits(bytes: number): boolean {
    // Something larger than the whole budget may pass alone, or it could never pass.
    return this.#reservedBytes === 0 ? this.usedBytes < this.limitBytes : this.usedBytes + bytes <= this.limitBytes;
  }

  #admitWaiters(): void {
    let waiter = this.#waiters[0];
    while (waiter && this.#fits(waiter.bytes)) {
      this.#waiters.shift();
      this.#reservedBytes += waiter.bytes;
      waiter.admit();
      waiter = this.#waiters[0];
    }
  }

  /** What is told to work that there is no room for. */
  refusal(bytes: number): WatchpostError {
    const { limitBytes, retryAfterMs } = this.#options;
    return new WatchpostError(
      "RESOURCE_EXHAUSTED",
      `no memory for ${formatByteSize(bytes)} more: ${formatByteSize(this.usedBytes)} of ${formatByteSize(limitBytes)} (memory.budget) are in use; try again in ${retryAfterMs} ms`,
      { retryAfterMs },
    );
  }
}
