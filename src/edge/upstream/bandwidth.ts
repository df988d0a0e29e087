/** A bound on bytes a second that both lanes share: the live one may use up what there is, the backlog takes what is left. */

/** What may be sent at once after a pause. */
const BURST_S = 1;
/** How far ahead the live lane may go. */
const AHEAD_S = 1;

export class Bandwidth {
  /** Infinity: no bound. */
  readonly #bytesPerS: number;
  #bytes: number;
  #atMs: number;

  constructor(bytesPerS: number, nowMs: number) {
    this.#bytesPerS = bytesPerS;
    this.#bytes = bytesPerS * BURST_S;
    this.#atMs = nowMs;
  }

  take(bytes: number, nowMs: number): void {
    if (this.#bytesPerS === Infinity) return;
    this.#fill(nowMs);
    this.#bytes -= bytes;
  }

  mayGoLive(nowMs: number): boolean {
    if (this.#bytesPerS === Infinity) return true;
    this.#fill(nowMs);
    return this.#bytes > -this.#bytesPerS * AHEAD_S;
  }

  /** How long the backlog has to wait, milliseconds. */
  backlogWaitMs(nowMs: number): number {
    if (this.#bytesPerS === Infinity) return 0;
    this.#fill(nowMs);
    return this.#bytes > 0 ? 0 : Math.ceil(((1 - this.#bytes) / this.#bytesPerS) * 1_000);
  }

  #fill(nowMs: number): void {
    const passedS = Math.max(0, nowMs - this.#atMs) / 1_000;
    this.#atMs = nowMs;
    this.#bytes = Math.min(this.#bytesPerS * BURST_S, this.#bytes + passedS * this.#bytesPerS);
  }
}
