/** When what comes next is to be sent, so that a replay keeps the timing of what it replays. Pure: times come in. */

/** Whoever reads hears of the replay at least so often. */
const MARK_MS = 1_000;

export type Step =
  | { readonly kind: "send" }
  | { readonly kind: "mark"; readonly atMs: number; readonly behindMs: number }
  | { readonly kind: "wait"; readonly untilMs: number };

export class Pace {
  readonly #fromMs: number;
  readonly #speed: number;
  readonly #startedMs: number;
  #toldMs: number;
  #markedMs: number;

  /** `speed`: times as fast as it was; 0: at once. `nowMs`, here and below: monotonic. */
  constructor(fromMs: number, speed: number, nowMs: number) {
    this.#fromMs = fromMs;
    this.#speed = speed;
    this.#startedMs = nowMs;
    this.#toldMs = nowMs;
    this.#markedMs = nowMs;
  }

  /** What to do now, where what comes next happened at `atMs`. What is late is sent at once: nothing is left out. */
  next(atMs: number, nowMs: number): Step {
    if (this.#speed === 0) return { kind: "send" };
    const dueMs = this.#startedMs + (atMs - this.#fromMs) / this.#speed;
    const behindMs = nowMs - dueMs;
    const isDue = behindMs >= 0;
    if (isDue && (behindMs < MARK_MS || nowMs - this.#markedMs < MARK_MS)) {
      this.#toldMs = nowMs;
      return { kind: "send" };
    }
    if (isDue || nowMs - this.#toldMs >= MARK_MS) {
      this.#toldMs = nowMs;
      this.#markedMs = nowMs;
      const standsMs = isDue ? atMs : this.#fromMs + (nowMs - this.#startedMs) * this.#speed;
      return { kind: "mark", atMs: standsMs, behindMs: Math.max(0, behindMs) };
    }
    return { kind: "wait", untilMs: Math.min(dueMs, this.#toldMs + MARK_MS) };
  }
}
