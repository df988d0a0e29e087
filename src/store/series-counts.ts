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
    const column = (of: keyof Counted) => Float64Array.from(seriesIds, (id) => this.#bySeries.get(id)![of]);
    return { seriesIds, points: column("points"), fromUs: column("fromUs"), toUs: column("toUs") };
  }
}
