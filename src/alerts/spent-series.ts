/**
 * Series of a group that met the condition when the group was ended from outside: until they are heard again their last
 * sample counts no more, after a restart either. Never changes: most instances share {@link NONE_SPENT}.
 */
import type { Probe } from "./probe.ts";
import type { SeriesMark, SeriesMarks } from "./series-marks.ts";

export type SavedSpent = readonly (readonly [series: SeriesMark, timeUs: number])[];

export class SpentSeries {
  readonly #timesUs: ReadonlyMap<number, number>;

  constructor(timesUs: ReadonlyMap<number, number>) {
    this.#timesUs = timesUs;
  }

  /** Inverse of {@link save}. */
  static restored(saved: SavedSpent, marks: SeriesMarks): SpentSeries {
    const known = saved.flatMap(([mark, timeUs]) => {
      const id = marks.read(mark);
      return id === undefined ? [] : [[id, timeUs] as const];
    });
    return new SpentSeries(new Map(known));
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
    return new SpentSeries(new Map([...this.#left(probes, true), ...met]));
  }

  /**
   * Those that were not heard since; while something is met, `isQuiet` false, all: what their samples after it are depends
   * on that those before it are over. All, too, where another node hears them, and this one has no probes.
   */
  save(probes: readonly Probe[], isQuiet: boolean, marks: SeriesMarks): SavedSpent {
    if (this.isEmpty) return NOTHING;
    return this.#left(probes, isQuiet).map(([seriesId, timeUs]) => [marks.written(seriesId), timeUs] as const);
  }

  #left(probes: readonly Probe[], isQuiet: boolean): (readonly [seriesId: number, timeUs: number])[] {
    if (probes.length === 0) return [...this.#timesUs];
    return probes.flatMap(({ seriesId, clockUs }) => {
      const timeUs = this.#timesUs.get(seriesId);
      return timeUs === undefined || (isQuiet && clockUs > timeUs) ? [] : [[seriesId, timeUs] as const];
    });
  }
}

const NOTHING: SavedSpent = [];
export const NONE_SPENT = new SpentSeries(new Map());
