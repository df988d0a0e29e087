/**
 * What a receiver that takes nothing out of order would refuse: samples that are not newer than what it took of their series.
 * How old a refused one was is remembered for a while, so that a back-fill is not asked for sample by sample. Pure.
 */
import { msOf, type OutgoingRows } from "./write-request.ts";

const REMEMBERED_MS = 600_000;
const OUT_OF_ORDER = /out.of.order|out of bounds|too old|too far in the past/i;

export class LateSamples {
  /** By series id; 0: nothing was taken since the start. */
  #newestMs = new Float64Array(1_024);
  #newestOfAllMs = 0;
  /** Samples that are as old as that are refused, or older. */
  #refusedAgeMs = Infinity;
  #refusedAtMs = -Infinity;

  taken({ seriesIds, timesUs }: OutgoingRows, order: Uint32Array): void {
    for (let i = 0; i < order.length; i++) {
      const row = order[i];
      const id = seriesIds[row];
      if (id >= this.#newestMs.length) {
        const wider = new Float64Array(Math.max(id + 1, 2 * this.#newestMs.length));
        wider.set(this.#newestMs);
        this.#newestMs = wider;
      }
      const timeMs = msOf(timesUs[row]);
      if (timeMs > this.#newestMs[id]) this.#newestMs[id] = timeMs;
      if (timeMs > this.#newestOfAllMs) this.#newestOfAllMs = timeMs;
    }
  }

  /** Those that are older than what was taken of their series, oldest first, and the others as they stand. */
  parted(rows: OutgoingRows, order: Uint32Array): { readonly late: Uint32Array; readonly others: Uint32Array } {
    const isLate = (row: number) => msOf(rows.timesUs[row]) < (this.#newestMs[rows.seriesIds[row]] ?? 0);
    const late = order.filter(isLate).sort((a, b) => rows.timesUs[a] - rows.timesUs[b]);
    return { late, others: order.filter((row) => !isLate(row)) };
  }

  /** One sample alone was refused. */
  refused({ timesUs, seriesIds }: OutgoingRows, row: number, reason: string, nowMs: number): void {
    const timeMs = msOf(timesUs[row]);
    if (!isOutOfOrder(reason) || timeMs >= (this.#newestMs[seriesIds[row]] ?? 0)) return;
    if (nowMs - this.#refusedAtMs > REMEMBERED_MS) [this.#refusedAgeMs, this.#refusedAtMs] = [Infinity, nowMs];
    this.#refusedAgeMs = Math.min(this.#refusedAgeMs, this.#newestOfAllMs - timeMs);
  }

  /** How many of late samples, oldest first, are too old to be asked for. */
  hopeless({ timesUs }: OutgoingRows, late: Uint32Array, nowMs: number): number {
    if (nowMs - this.#refusedAtMs > REMEMBERED_MS) return 0;
    let count = 0;
    while (count < late.length && this.#newestOfAllMs - msOf(timesUs[late[count]]) >= this.#refusedAgeMs) count++;
    return count;
  }
}

export function isOutOfOrder(reason: string): boolean {
  return OUT_OF_ORDER.test(reason);
}
