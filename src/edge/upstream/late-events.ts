/** Events that the upstream could not take yet, and those of the same alert or device behind them. Pure. */
import { backoffMs } from "../../model/backoff.ts";
import type { EventCall } from "./event-calls.ts";

export interface LateEvent {
  readonly call: EventCall;
  /** In the journal; null: it tells what stands, and is in no entry. */
  readonly position: number | null;
}

interface Waiting {
  readonly events: LateEvent[];
  /** Of the first of them, monotonic. */
  sinceMs: number;
  attempts: number;
  dueMs: number;
}

const EVENTS_MAX = 1_000;
const BYTES_MAX = 8 * 1024 * 1024;
const BACKOFF = { firstMs: 2_000, maxMs: 60_000 };
const GIVE_UP_AFTER_MS = 3_600_000;

export class LateEvents {
  readonly #waiting = new Map<string, Waiting>();
  #count = 0;
  #bytes = 0;

  get count(): number {
    return this.#count;
  }

  /** More would be too many: others wait in the journal then. */
  get isFull(): boolean {
    return this.#count >= EVENTS_MAX || this.#bytes >= BYTES_MAX;
  }

  /** The lowest position of all; Infinity: there are none. */
  get firstPosition(): number {
    return this.#all().reduce((first, { position }) => Math.min(first, position ?? Infinity), Infinity);
  }

  /** Some of what stands could not be told yet. */
  get hasStanding(): boolean {
    return this.#all().some(({ position }) => position === null);
  }

  /** When the next is to be tried, monotonic; Infinity: there are none. */
  get dueMs(): number {
    let dueMs = Infinity;
    for (const waiting of this.#waiting.values()) dueMs = Math.min(dueMs, waiting.dueMs);
    return dueMs;
  }

  has(key: string): boolean {
    return this.#waiting.has(key);
  }

  add(event: LateEvent, nowMs: number, random: number): void {
    const { key, request } = event.call;
    const waiting = this.#waiting.get(key);
    this.#count++;
    this.#bytes += request.length;
    if (waiting !== undefined) return void waiting.events.push(event);
    this.#waiting.set(key, {
      events: [event],
      sinceMs: nowMs,
      attempts: 1,
      dueMs: nowMs + backoffMs(1, random, BACKOFF),
    });
  }

  /** The first event of each key that is to be tried now. */
  due(nowMs: number): LateEvent[] {
    return [...this.#waiting.values()].filter(({ dueMs }) => dueMs <= nowMs).map(({ events }) => events[0]);
  }

  /** The first event of its key is done with, the next is due. */
  done({ call: { key, request } }: LateEvent, nowMs: number): void {
    const waiting = this.#waiting.get(key)!;
    waiting.events.shift();
    this.#count--;
    this.#bytes -= request.length;
    if (waiting.events.length === 0) this.#waiting.delete(key);
    else Object.assign(waiting, { sinceMs: nowMs, attempts: 0, dueMs: nowMs });
  }

  /** It could not be taken again. False: it has been tried for long enough. */
  again({ call: { key } }: LateEvent, nowMs: number, random: number, retryAfterMs = 0): boolean {
    const waiting = this.#waiting.get(key)!;
    if (nowMs - waiting.sinceMs >= GIVE_UP_AFTER_MS) return false;
    waiting.attempts++;
    waiting.dueMs = nowMs + Math.max(retryAfterMs, backoffMs(waiting.attempts, random, BACKOFF));
    return true;
  }

  clear(): void {
    this.#waiting.clear();
    this.#count = 0;
    this.#bytes = 0;
  }

  #all(): LateEvent[] {
    return [...this.#waiting.values()].flatMap(({ events }) => events);
  }
}
