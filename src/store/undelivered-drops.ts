/** What retention took before an upstream had it, summed up until somebody counts it. */
import type { SequencesHeld } from "./backlog-protocol.ts";
import { SeriesCounts } from "./series-counts.ts";

export type UndeliveredDrop = Pick<SequencesHeld, "points" | "bySeries">;

export class UndeliveredDrops {
  #count: ((drop: UndeliveredDrop) => void) | undefined;
  /** As many as there are series, at most. */
  #bySeries = new SeriesCounts();
  #ofUnknownSeries = 0;

  add(drop: UndeliveredDrop): void {
    if (drop.points === 0) return;
    if (this.#count !== undefined) return this.#count(drop);
    const { bySeries } = drop;
    if (bySeries === null) return void (this.#ofUnknownSeries += drop.points);
    const { points, fromUs, toUs } = bySeries;
    bySeries.seriesIds.forEach((id, i) => this.#bySeries.add(id, points[i], fromUs[i], toUs[i]));
  }

  /** `count` is called at once with the sum of what was before, then with each that comes. One may count. */
  countWith(count: (drop: UndeliveredDrop) => void): void {
    this.#count = count;
    if (!this.#bySeries.isEmpty) {
      const bySeries = this.#bySeries.columns();
      count({ points: bySeries.points.reduce((sum, each) => sum + each, 0), bySeries });
    }
    if (this.#ofUnknownSeries > 0) count({ points: this.#ofUnknownSeries, bySeries: null });
    this.#bySeries = new SeriesCounts();
    this.#ofUnknownSeries = 0;
  }
}
