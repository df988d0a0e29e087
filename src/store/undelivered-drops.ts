/** What retention took before an upstream had it, summed up until somebody counts it. */
import type { SequencesHeld } from "./backlog-protocol.ts";

export type UndeliveredDrop = Pick<SequencesHeld, "points" | "bySeries">;

export class UndeliveredDrops {
  #count: ((drop: UndeliveredDrop) => void) | undefined;
  /** As many as there are series, at most. */
  readonly #bySeries = new Map<number, number>();
  #ofUnknownSeries = 0;

  add(drop: UndeliveredDrop): void {
    if (drop.points === 0) return;
    if (this.#count !== undefined) return this.#count(drop);
    const { bySeries } = drop;
    if (bySeries === null) this.#ofUnknownSeries += drop.points;
    else {
      bySeries.seriesIds.forEach((id, i) => {
        this.#bySeries.set(id, (this.#bySeries.get(id) ?? 0) + bySeries.points[i]);
      });
    }
  }

  /** `count` is called at once with the sum of what was before, then with each that comes. One may count. */
  countWith(count: (drop: UndeliveredDrop) => void): void {
    this.#count = count;
    if (this.#bySeries.size > 0) {
      const [seriesIds, points] = [Uint32Array.from(this.#bySeries.keys()), Float64Array.from(this.#bySeries.values())];
      count({ points: points.reduce((sum, each) => sum + each, 0), bySeries: { seriesIds, points } });
    }
    if (this.#ofUnknownSeries > 0) count({ points: this.#ofUnknownSeries, bySeries: null });
    this.#bySeries.clear();
    this.#ofUnknownSeries = 0;
  }
}
