/**
 * Series of a group that met the condition when the group was ended from outside: until they are heard again their last
 * sample counts no more, after a restart either. Never changes: most instances share {@link NONE_SPENT}.
 */
import type { Probe } from "./probe.ts";

export type SavedSpent = readonly (readonly [seriesId: number, timeUs: number])[];

export class SpentSeries {
  readonly #timesUs: ReadonlyMap<number, number>;

  constructor(saved: SavedSpent) {
    this.#timesUs = new Map(saved);
  }

  get isEmpty(): boolean {
    return this.#timesUs.size === 0;
  }

  has(seriesId: number, timeUs: number): boolean {
    return timeUs <= (this.#timesUs.get(seriesId) ?? -Infinity);
  }

  /** With those that meet the condition now. */
  spend(probes: readonly Probe[]): SpentSeries {
    const met = probes.filter(({ level }) => level > 0).map(({ seriesId, clockUs }) => [seriesId, clockUs] as const);
    return new SpentSeries([...this.save(probes, true), ...met]);
  }

  /**
   * Those that were not heard since; while something is met, `isQuiet` false, all: what their samples after it are depends
   * on that those before it are over.
   */
  save(probes: readonly Probe[], isQuiet: boolean): SavedSpent {
    if (this.isEmpty) return NOTHING;
    return probes.flatMap(({ seriesId, clockUs }) => {
      const timeUs = this.#timesUs.get(seriesId);
      return timeUs === undefined || (isQuiet && clockUs > timeUs) ? [] : [[seriesId, timeUs] as const];
    });
  }
}

const NOTHING: SavedSpent = [];
export const NONE_SPENT = new SpentSeries(NOTHING);
