/** What became of simulated readings, from their making to the server's disk. */
import { DDSketch } from "@datadog/sketches-js";
import type { Sending } from "../../simulate/reading.ts";

/** Of reasons for refusals; others are counted together. */
const REASONS_MAX = 20;
export const OTHER_REASONS = "other reasons";
const ACCURACY = 0.01;

export interface AckMs {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export class Ledger {
  batches = 0;
  /** Readings, each counted once however often it was sent. */
  sent = 0;
  /** Readings of batches that devices sent a second time. */
  repeated = 0;
  /** Durable, as the server says; repeats too. */
  acked = 0;
  refused = 0;
  /** Messages of the server that said what became of readings. */
  answers = 0;
  reconnects = 0;
  /** Sent, and neither acked nor refused. */
  unanswered = 0;
  readonly reasons = new Map<string, number>();
  /** Of all times that were sent and may be stored, Unix microseconds. */
  firstUs = Infinity;
  lastUs = -Infinity;
  #ackedRepeats = 0;
  readonly #ackMs = new DDSketch({ relativeAccuracy: ACCURACY });

  onSent({ readings, isRepeat }: Sending): void {
    this.batches++;
    this.unanswered += readings.length;
    if (isRepeat) this.repeated += readings.length;
    else this.sent += readings.length;
    for (const { timeUs } of readings) {
      if (timeUs < 0) continue;
      if (timeUs < this.firstUs) this.firstUs = timeUs;
      if (timeUs > this.lastUs) this.lastUs = timeUs;
    }
  }

  /** A batch was answered, `afterMs` after it was sent; `refused`: how many of a repeat's readings. */
  onBatchAnswered(readings: number, isRepeat: boolean, refused: number, afterMs: number): void {
    this.unanswered -= readings;
    if (isRepeat) this.#ackedRepeats += readings - refused;
    this.#ackMs.accept(Math.max(afterMs, 0.001));
  }

  /** Reasons are those that the server told, which may be fewer. */
  onAnswer(acked: number, refused: number, reasons: readonly string[]): void {
    this.answers++;
    this.acked += acked;
    this.refused += refused;
    for (const reason of reasons) this.#count(kindOf(reason), 1);
    if (refused > reasons.length) this.#count(OTHER_REASONS, refused - reasons.length);
  }

  /** Readings that the server has acked, each once: so many must be stored. */
  get wanted(): number {
    return this.acked - this.#ackedRepeats;
  }

  /** From the sending of a batch to its ack, retries included; undefined where none came. */
  get ackMs(): AckMs | undefined {
    if (this.#ackMs.count === 0) return undefined;
    const at = (share: number) => this.#ackMs.getValueAtQuantile(share);
    return { p50: at(0.5), p99: at(0.99), max: this.#ackMs.max };
  }

  #count(reason: string, count: number): void {
    const key = this.reasons.has(reason) || this.reasons.size < REASONS_MAX ? reason : OTHER_REASONS;
    this.reasons.set(key, (this.reasons.get(key) ?? 0) + count);
  }
}

/** A reason without what is of one reading: times and names. */
function kindOf(reason: string): string {
  return reason
    .replaceAll(/[-+]?\d{4,}-\d\d-\d\dT[\d:.]+Z/g, "…")
    .replaceAll(/"(?:[^"\\]|\\.)*"/g, '"…"')
    .replaceAll(/-?\bInfinity\b/g, "infinite");
}
