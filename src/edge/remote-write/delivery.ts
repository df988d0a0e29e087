/**
 * Brings rows to the receiver, whatever it says: what may be mended is tried for ever, what is refused is halved until the
 * samples are found that it is about. These alone are given up.
 */
import { backoffMs, type BackoffOptions } from "../../model/backoff.ts";
import type { Clock } from "../../model/clock.ts";
import { pause } from "../../model/pause.ts";
import { isOutOfOrder, LateSamples } from "./late-samples.ts";
import type { Answer, Receiver } from "./receiver.ts";
import { encodeWriteRequest, type OutgoingRows } from "./write-request.ts";

export interface DeliveryDeps {
  readonly receiver: Receiver;
  readonly clock: Clock;
  readonly backoff: BackoffOptions;
  /** Uniform in [0, 1). */
  random(): number;
  /** Undefined of a series that was deleted. */
  labelsOf(seriesId: number): Uint8Array | undefined;
  onTaken(counts: { readonly samples: number; readonly collided: number; readonly bytes: number }): void;
  onRefused(samples: number, reason: string, seriesId: number): void;
  /** It is tried again after that. */
  onLater(reason: string, waitMs: number): void;
}

/** Nothing is in it: whoever takes that is a receiver, and a refusal of more is about the samples. */
const EMPTY = new Uint8Array();
const PROVEN_FOR_MS = 600_000;

export class Delivery {
  readonly #deps: DeliveryDeps;
  readonly #late = new LateSamples();
  #takenAtMs = -Infinity;

  constructor(deps: DeliveryDeps) {
    this.#deps = deps;
  }

  /** Of the rows at `order`. Resolves once each is taken or given up, or where `signal` aborts. */
  async deliver(rows: OutgoingRows, order: Uint32Array, signal: AbortSignal): Promise<void> {
    const refusal = await this.#offer(rows, order, signal);
    if (refusal === undefined || !(await this.#isAboutSamples(signal))) return;
    await this.#sift(rows, order, refusal, signal);
  }

  /** The reason of a refusal; undefined: it was taken, or `signal` has aborted. */
  async #offer(rows: OutgoingRows, order: Uint32Array, signal: AbortSignal): Promise<string | undefined> {
    const { labelsOf, onTaken } = this.#deps;
    const { bytes, samples, collided } = encodeWriteRequest(rows, order, labelsOf);
    if (samples === 0) return undefined;
    const answer = await this.#ask(bytes, signal);
    if (answer.kind === "refused") return answer.reason;
    if (answer.kind === "taken") {
      this.#takenAtMs = this.#deps.clock.monotonicMs();
      this.#late.taken(rows, order);
      onTaken({ samples, collided, bytes: bytes.byteLength });
    }
    return undefined;
  }

  /** Until it is taken or refused; "later" where `signal` aborts. */
  async #ask(bytes: Uint8Array, signal: AbortSignal): Promise<Answer> {
    const { receiver, clock, backoff, random, onLater } = this.#deps;
    for (let attempt = 1; ; attempt++) {
      const answer = await receiver(bytes, signal);
      if (answer.kind !== "later" || signal.aborted) return answer;
      const waitMs = Math.max(answer.retryAfterMs, backoffMs(attempt, random(), backoff));
      onLater(answer.reason, waitMs);
      await pause(waitMs, clock, signal);
      if (signal.aborted) return answer;
    }
  }

  /** Waits where the address or a setting is wrong: nothing is given up for that. */
  async #isAboutSamples(signal: AbortSignal): Promise<boolean> {
    const { clock, backoff, random, onLater } = this.#deps;
    for (let attempt = 1; !signal.aborted; attempt++) {
      const answer = await this.#ask(EMPTY, signal);
      if (answer.kind === "taken") return true;
      if (answer.kind === "later") return false;
      if (clock.monotonicMs() - this.#takenAtMs < PROVEN_FOR_MS) return true;
      const waitMs = backoffMs(attempt, random(), backoff);
      onLater(`${answer.reason} (an empty request is refused, too: is the address right?)`, waitMs);
      await pause(waitMs, clock, signal);
    }
    return false;
  }

  /** Finds what a refusal is about, in order. */
  async #sift(rows: OutgoingRows, order: Uint32Array, reason: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    if (order.length === 1) return this.#giveUp(rows, order, reason);
    if (isOutOfOrder(reason)) {
      const { late, others } = this.#late.parted(rows, order);
      if (late.length > 0) {
        await this.#offerOrSift(rows, others, signal);
        return this.#offerLate(rows, late, signal);
      }
    }
    const middle = order.length >>> 1;
    await this.#offerOrSift(rows, order.subarray(0, middle), signal);
    await this.#offerOrSift(rows, order.subarray(middle), signal);
  }

  async #offerOrSift(rows: OutgoingRows, order: Uint32Array, signal: AbortSignal): Promise<void> {
    if (order.length === 0 || signal.aborted) return;
    const refusal = await this.#offer(rows, order, signal);
    if (refusal !== undefined) await this.#sift(rows, order, refusal, signal);
  }

  /** Oldest first. The newer half goes first: where it is refused down to one sample, all older ones need not be asked for. */
  async #offerLate(rows: OutgoingRows, late: Uint32Array, signal: AbortSignal): Promise<void> {
    const hopeless = this.#late.hopeless(rows, late, this.#deps.clock.monotonicMs());
    if (hopeless > 0) this.#giveUp(rows, late.subarray(0, hopeless), "out of order, as others before");
    const left = late.subarray(hopeless);
    if (left.length === 0 || signal.aborted) return;
    const refusal = await this.#offer(rows, left, signal);
    if (refusal === undefined || signal.aborted) return;
    if (left.length === 1) return this.#giveUp(rows, left, refusal);
    const middle = left.length >>> 1;
    await this.#offerLate(rows, left.subarray(middle), signal);
    await this.#offerLate(rows, left.subarray(0, middle), signal);
  }

  #giveUp(rows: OutgoingRows, order: Uint32Array, reason: string): void {
    if (order.length === 1) this.#late.refused(rows, order[0], reason, this.#deps.clock.monotonicMs());
    this.#deps.onRefused(order.length, reason, rows.seriesIds[order[0]]);
  }
}
