/** Which series of what is stored are asked for: those of a list, or all, unless they are deleted. */
import type { RetiredSeries } from "./retired-series.ts";

export class WantedSeries {
  readonly #retired: RetiredSeries;
  /** 1 where the id is asked for; null: all are. */
  readonly #marks: Uint8Array | null;

  /** `seriesIds` ascending; null: all. */
  constructor(seriesIds: Uint32Array | null, retired: RetiredSeries) {
    this.#retired = retired;
    this.#marks = seriesIds === null ? null : new Uint8Array((seriesIds.at(-1) ?? -1) + 1);
    for (const id of seriesIds ?? []) this.#marks![id] = 1;
  }

  has(seriesId: number): boolean {
    return (this.#marks === null || this.#marks[seriesId] === 1) && !this.#retired.has(seriesId);
  }
}
