/** How often the same alert, of one rule for one set of labels, fired lately. Pure. */
import type { AlertRow } from "./alert-row.ts";

export const RECURRENCE_MS = 3_600_000;
const KEYS_MAX = 5_000;
const TIMES_MAX = 100;

export class Recurrence {
  /** By key, when its alerts fired, by their ids; the key that fired last is last. */
  readonly #fired = new Map<string, Map<string, number>>();

  /** The same alert twice counts once. */
  note(row: AlertRow): void {
    const key = keyOf(row);
    const times = this.#fired.get(key) ?? new Map<string, number>();
    times.set(row.id, row.firedMs);
    if (times.size > TIMES_MAX) times.delete(times.keys().next().value!);
    this.#fired.delete(key);
    this.#fired.set(key, times);
    if (this.#fired.size > KEYS_MAX) this.#fired.delete(this.#fired.keys().next().value!);
  }

  /** In the hour before. */
  times(row: AlertRow, nowMs: number): number {
    const times = this.#fired.get(keyOf(row));
    if (times === undefined) return 0;
    return [...times.values()].filter((ms) => nowMs - ms < RECURRENCE_MS).length;
  }
}

function keyOf({ alert: { rule, labels } }: AlertRow): string {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([rule, sorted]);
}
