/** Counts how many points there are of each series, and between which times. */
import type { HeldBySeries } from "./backlog-protocol.ts";

interface Counted {
  points: number;
  fromUs: number;
  toUs: number;
}

export class SeriesCounts {
  readonly #bySeries = new Map<number, Counted>();

  get isEmpty(): boolean {
    return this.#bySeries.size === 0;
  }

  add(seriesId: number, points: number, fromUs: number, toUs: number): void {
    const counted = this.#bySeries.get(seriesId);
    if (counted === undefined) return void this.#bySeries.set(seriesId, { points, fromUs, toUs });
    counted.points += points;
    counted.fromUs = Math.min(counted.fromUs, fromUs);
    counted.toUs = Math.max(counted.toUs, toUs);
  }

  columns(): HeldBySeries {
    const seriesIds = Uint32Array.from(this.#bySeries.keys()).sort();
    const [points, fromUs, toUs] = [0, 1, 2].map(() => new Float64Array(seriesIds.length));
    for (let i = 0; i < seriesIds.length; i++) {
      const counted = this.#bySeries.get(seriesIds[i])!;
      [points[i], fromUs[i], toUs[i]] = [counted.points, counted.fromUs, counted.toUs];
    }
    return { seriesIds, points, fromUs, toUs };
  }
}
