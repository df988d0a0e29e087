/** From the bytes of a batch to the open frame: decode into it, judge, add. One for all streams of the server. */
import type { Clock } from "../model/clock.ts";
import { truncated } from "../model/errors.ts";
import type { BatchDecoder } from "../wire/decode-batch.ts";
import type { ArrivalStamps } from "./arrival-stamps.ts";
import type { CommitGroup, Committer } from "./committer.ts";
import { isStorable, judgeBatch, TIME_US_MAX, type RefusedRow } from "./validate.ts";

export interface IntakeDeps {
  readonly decoder: BatchDecoder;
  readonly committer: Committer;
  readonly stamps: ArrivalStamps;
  readonly clock: Clock;
  /** How far ahead of the wall clock a point may be. */
  readonly futureMaxMs: number;
  /** Older points are not kept. Infinity: all are. */
  readonly rawAgeLimitMs: number;
  /** While it is not, points of any time are taken. */
  isClockTrusted(): boolean;
}

export interface TakenBatch {
  /** As sent, shortened. */
  readonly batchId: string;
  /** Points that will be durable once `group` is done. */
  readonly kept: number;
  readonly refusedTotal: number;
  /** The first refused points. */
  readonly refused: readonly RefusedRow[];
  /** Why the batch was refused as a whole. */
  readonly unusable: string | undefined;
  /** Undefined where nothing was kept. */
  readonly group: CommitGroup | undefined;
}

const BATCH_ID_SHOWN_MAX = 128;
const NONE: readonly RefusedRow[] = [];

export class Intake {
  readonly #deps: IntakeDeps;

  constructor(deps: IntakeDeps) {
    this.#deps = deps;
  }

  /** Takes one BatchData message. Throws what the log failed with while nothing can be committed. */
  take(message: Uint8Array, refusedMax: number): TakenBatch {
    const { decoder, committer, stamps } = this.#deps;
    const times = { earliestUs: this.#earliestUs(), latestUs: this.#latestUs() };
    // A point that is going to be refused is no reason for a series.
    const mayDefine = (value: number, timeUs: number) =>
      isStorable(value, timeUs === timeUs ? timeUs : times.latestUs, times);
    const batch = decoder.decode(message, committer.room(), mayDefine);
    const batchId = truncated(batch.batchId, BATCH_ID_SHOWN_MAX);
    if (batch.kind === "unusable") {
      const { points: refusedTotal, reason: unusable } = batch;
      return { batchId, kept: 0, refusedTotal, refused: NONE, unusable, group: undefined };
    }
    const rules = {
      ...times,
      arrivalStampUs: (seriesId: number) => stamps.next(seriesId),
    };
    const { kept, refusedTotal, refused } = judgeBatch(batch, rules, refusedMax);
    const group = kept > 0 ? committer.add(kept) : undefined;
    return { batchId, kept, refusedTotal, refused, unusable: undefined, group };
  }

  #earliestUs(): number {
    const { clock, rawAgeLimitMs, isClockTrusted } = this.#deps;
    return isClockTrusted() ? Math.max((clock.nowMs() - rawAgeLimitMs) * 1_000, 0) : 0;
  }

  #latestUs(): number {
    const { clock, futureMaxMs, isClockTrusted } = this.#deps;
    return isClockTrusted() ? Math.min((clock.nowMs() + futureMaxMs) * 1_000, TIME_US_MAX) : TIME_US_MAX;
  }
}
