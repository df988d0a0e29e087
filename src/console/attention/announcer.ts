/** What is read out of new alerts that need somebody: critical ones, and of floods how many. Pure. */
import type { AlertDelta } from "../data/alert-book.ts";
import { needsSomebody, type AlertRow } from "../data/alert-row.ts";

export const ANNOUNCED_EVERY_MS = 5_000;
const CRITICAL = 0;

export class Announcer {
  #waiting: AlertRow[] = [];
  #count = 0;
  #lastMs = -Infinity;

  /** Undefined: nothing waits. */
  nextMs(): number | undefined {
    return this.#count === 0 ? undefined : this.#lastMs + ANNOUNCED_EVERY_MS;
  }

  note(deltas: readonly AlertDelta[]): void {
    for (const { before, after } of deltas) {
      const isNew = after?.rank === CRITICAL && needsSomebody(after) && before?.rank !== CRITICAL;
      if (!isNew) continue;
      this.#count++;
      if (this.#waiting.length === 0) this.#waiting.push(after);
    }
  }

  /** What is to be said now; undefined: nothing, or not yet. */
  take(nowMs: number): string | undefined {
    const isEarly = nowMs >= this.#lastMs && nowMs - this.#lastMs < ANNOUNCED_EVERY_MS;
    if (this.#count === 0 || isEarly) return undefined;
    const [{ alert }] = this.#waiting;
    const others = this.#count - 1;
    [this.#waiting, this.#count, this.#lastMs] = [[], 0, nowMs];
    return `Critical alert: ${alert.title}${others > 0 ? `, and ${others.toLocaleString()} more` : ""}`;
  }
}
