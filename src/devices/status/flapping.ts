/**
 * Which devices change too often: each change adds one to a score that halves every hour, as route flap damping does
 * (RFC 2439). Above six a device is flapping, until the score is below two.
 */
import { grown } from "./grown.ts";

export const HALF_LIFE_MS = 3_600_000;
export const FLAPPING_ABOVE = 6;
export const CALM_BELOW = 2;

export class Flapping {
  #scores = new Float64Array(0);
  #atMs = new Float64Array(0);
  #isFlapping = new Uint8Array(0);

  resize(length: number): void {
    this.#scores = grown(this.#scores, length);
    this.#atMs = grown(this.#atMs, length);
    this.#isFlapping = grown(this.#isFlapping, length);
  }

  isFlapping(device: number): boolean {
    return this.#isFlapping[device] === 1;
  }

  scoreOf(device: number, atMs: number): number {
    return this.#scores[device] * 2 ** (Math.min(this.#atMs[device] - atMs, 0) / HALF_LIFE_MS);
  }

  changed(device: number, atMs: number): void {
    const score = this.scoreOf(device, atMs) + 1;
    this.set(device, score, atMs, this.isFlapping(device) || score > FLAPPING_ABOVE);
  }

  /** Infinity where it is not flapping. */
  endsAtMs(device: number): number {
    if (!this.isFlapping(device)) return Infinity;
    const score = this.#scores[device];
    return this.#atMs[device] + (score > CALM_BELOW ? HALF_LIFE_MS * Math.log2(score / CALM_BELOW) : 0);
  }

  /** Whether it has ended; that is said once. */
  hasEnded(device: number, atMs: number): boolean {
    if (atMs < this.endsAtMs(device)) return false;
    this.#isFlapping[device] = 0;
    return true;
  }

  set(device: number, score: number, atMs: number, isFlapping: boolean): void {
    this.#scores[device] = score;
    this.#atMs[device] = atMs;
    this.#isFlapping[device] = isFlapping ? 1 : 0;
  }
}
