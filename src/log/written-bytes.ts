/**
 * Counts what a thread writes to its disk, by what it is written for. Linux tells how many bytes a thread has passed to
 * write calls: an SQLite transaction with its journal is counted as it is written. Elsewhere it is estimated from the
 * content: whole pages of it, and those that a small transaction touches.
 */
import { readFileSync } from "node:fs";

export const PAGE_BYTES = 4096;
/** A transaction without content: journal header, the journalled pages and the pages themselves. */
const TRANSACTION_PAGES = 9;

export class WrittenBytes {
  readonly #totals: Record<string, number> = {};
  readonly #ofThread: () => number | undefined;
  readonly #syncs = { count: 0, totalMs: 0 };

  constructor(ofThread: () => number | undefined = threadWrittenBytes) {
    this.#ofThread = ofThread;
  }

  /** Since the start. */
  get totals(): Readonly<Record<string, number>> {
    return this.#totals;
  }

  /** Of the log: how many, and how long they took together. */
  get syncs(): Readonly<{ count: number; totalMs: number }> {
    return this.#syncs;
  }

  noteSync(durationMs: number): void {
    this.#syncs.count++;
    this.#syncs.totalMs += durationMs;
  }

  add(what: string, bytes: number): void {
    this.#totals[what] = (this.#totals[what] ?? 0) + bytes;
  }

  /** Counts what `run` writes, `contentBytes` of it content; also where it fails. */
  during<T>(what: string, contentBytes: number, run: () => T): T {
    const before = this.#ofThread();
    try {
      return run();
    } finally {
      const after = before === undefined ? undefined : this.#ofThread();
      this.add(what, after === undefined ? pagesOf(contentBytes) + TRANSACTION_PAGES * PAGE_BYTES : after - before!);
    }
  }
}

/** Bytes this thread has written since it began; undefined where the system does not tell. */
export function threadWrittenBytes(): number | undefined {
  try {
    const [, written] = /^wchar: (\d+)$/m.exec(readFileSync("/proc/thread-self/io", "latin1")) ?? [];
    return written === undefined ? undefined : Number(written);
  } catch {
    return undefined;
  }
}

function pagesOf(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
}
