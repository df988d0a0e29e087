/** Which edge nodes are asked for their births, and when: one request at a time each, seldom, and not all at once. */
import { REBIRTHS_PER_SECOND, REBIRTH_WAIT_MS_MAX, REBIRTH_WAIT_MS_MIN } from "./limits.ts";

interface Asked {
  readonly atMs: number;
  /** No other request before. */
  readonly untilMs: number;
  readonly waitMs: number;
}

/** Times are monotonic milliseconds. Nodes are told apart by their keys. */
export class Rebirths {
  readonly #wanted = new Set<string>();
  readonly #asked = new Map<string, Asked>();
  #secondMs = -Infinity;
  #askedInSecond = 0;

  /** Whether any node is to be asked and was not yet. */
  get isWaiting(): boolean {
    return this.#wanted.size > 0;
  }

  /** Whether to ask it at once; otherwise {@link due} tells when it may be asked. */
  want(node: string, nowMs: number): boolean {
    this.#wanted.add(node);
    return this.#mayAsk(node, nowMs);
  }

  /** It sent its births: a request that is under way is answered, and so is one that was not sent yet. */
  born(node: string): void {
    this.#wanted.delete(node);
  }

  forget(node: string): void {
    this.#wanted.delete(node);
    this.#asked.delete(node);
  }

  /** Nodes to ask now, first those that wait longest. */
  due(nowMs: number): string[] {
    return [...this.#wanted].filter((node) => this.#mayAsk(node, nowMs));
  }

  #mayAsk(node: string, nowMs: number): boolean {
    if (nowMs - this.#secondMs >= 1_000) {
      this.#secondMs = nowMs;
      this.#askedInSecond = 0;
    }
    const last = this.#asked.get(node);
    if (this.#askedInSecond >= REBIRTHS_PER_SECOND || nowMs < (last?.untilMs ?? -Infinity)) return false;
    this.#askedInSecond++;
    this.#wanted.delete(node);
    const waitMs = waitAfter(last, nowMs);
    this.#asked.set(node, { atMs: nowMs, untilMs: nowMs + waitMs, waitMs });
    return true;
  }
}

/** Twice as long each time, until it needed none for long. */
function waitAfter(last: Asked | undefined, nowMs: number): number {
  if (last === undefined || nowMs - last.atMs > 2 * REBIRTH_WAIT_MS_MAX) return REBIRTH_WAIT_MS_MIN;
  return Math.min(2 * last.waitMs, REBIRTH_WAIT_MS_MAX);
}
