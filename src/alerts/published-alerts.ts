/** Alerts of other systems: one for each rule and set of labels, cleared by them, or when they say nothing more of it. */
import type { Clock } from "../model/clock.ts";
import { WatchpostError } from "../model/errors.ts";
import type { AlertBook } from "./alert-book.ts";
import type { AlertRecord, Description } from "./alert.ts";
import type { Severity } from "./severity.ts";

interface Publication {
  readonly id: string;
  cancel(): void;
}

/** Timers of more than 24 days run at once. */
const TIMER_MS_MAX = 86_400_000;
/** Each has a timer and is looked at by whoever lists alerts. */
const STANDING_MAX = 100_000;

export class PublishedAlerts {
  readonly #book: AlertBook;
  readonly #clock: Clock;
  /** By rule and labels. */
  readonly #standing = new Map<string, Publication>();
  readonly #unfollow: () => void;

  constructor(book: AlertBook, clock: Clock) {
    this.#book = book;
    this.#clock = clock;
    for (const alert of book.active()) if (alert.isPublished) this.#expire(alert);
    // One that somebody resolves by hand makes room, too.
    this.#unfollow = book.follow(({ alert }) => {
      if (!alert.isPublished || alert.clearedAtMs === null) return;
      if (this.#standing.get(keyOf(alert.rule, alert.labels))?.id === alert.id) this.#forget(alert.rule, alert.labels);
    });
  }

  /**
   * Returns the alert as it is then; undefined where it is to be cleared and not active. Throws RESOURCE_EXHAUSTED where it
   * is a new one and as many stand as may.
   */
  publish(
    rule: string,
    severity: Severity,
    described: Description,
    expiresAfterMs: number,
    isCleared: boolean,
    by: string,
  ): AlertRecord | undefined {
    const standing = this.#standing.get(keyOf(rule, described.labels));
    const alert = standing === undefined ? undefined : this.#book.get(standing.id);
    const isActive = alert !== undefined && alert.clearedAtMs === null;
    if (isCleared) {
      this.#forget(rule, described.labels);
      return isActive ? this.#book.clearPublished(alert, by) : undefined;
    }
    if (standing === undefined && this.#standing.size >= STANDING_MAX) {
      const [count, most] = [this.#standing.size, STANDING_MAX].map((number) => number.toLocaleString("en-US"));
      const message = `${count} published alerts are active, and at most ${most} may be: clear some, or let them expire`;
      throw new WatchpostError("RESOURCE_EXHAUSTED", message);
    }
    const expiresAtMs = this.#clock.nowMs() + expiresAfterMs;
    const id = isActive ? alert.id : undefined;
    const published = this.#book.publish({ id, rule, severity, says: described, expiresAtMs, by });
    this.#expire(published);
    return published;
  }

  close(): void {
    this.#unfollow();
    for (const { cancel } of this.#standing.values()) cancel();
    this.#standing.clear();
  }

  #expire(alert: AlertRecord): void {
    const { id, rule, labels, expiresAtMs } = alert;
    this.#forget(rule, labels);
    const leftMs = Math.max(0, (expiresAtMs ?? 0) - this.#clock.nowMs());
    const cancel = this.#clock.after(Math.min(leftMs, TIMER_MS_MAX), () => {
      if (leftMs > TIMER_MS_MAX) return this.#expire(alert);
      this.#standing.delete(keyOf(rule, labels));
      this.#book.expire(id);
    });
    this.#standing.set(keyOf(rule, labels), { id, cancel });
  }

  #forget(rule: string, labels: Readonly<Record<string, string>>): void {
    const key = keyOf(rule, labels);
    this.#standing.get(key)?.cancel();
    this.#standing.delete(key);
  }
}

function keyOf(rule: string, labels: Readonly<Record<string, string>>): string {
  return JSON.stringify([rule, Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
}
