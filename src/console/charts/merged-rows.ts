/** Series side by side, as a table has them. Pure. */
import { countBelow } from "../data/columns.ts";
import type { PlotRange, PlotSeries } from "./plot-model.ts";

export interface MergedRow {
  readonly timeMs: number;
  /** One for each series; NaN: it has no point at this time. */
  readonly values: readonly number[];
}

/** Minimum and maximum of a band as series of their own, behind theirs. */
export function bandsBeside(series: readonly PlotSeries[]): PlotSeries[] {
  return series.flatMap((each) => {
    const { key, label, mins, maxs } = each;
    if (mins === undefined || maxs === undefined) return [each];
    const edge = (name: string, values: PlotSeries["values"]) => {
      return { ...each, values, key: `${key} ${name}`, label: `${label} ${name}` };
    };
    return [each, edge("min", mins), edge("max", maxs)];
  });
}

/** A row for each time in the range that any of them has a point at, ascending. */
export function* mergedRows(series: readonly PlotSeries[], { fromMs, toMs }: PlotRange): Generator<MergedRow> {
  const places = series.map(({ timesMs }) => countBelow(timesMs, fromMs));
  for (;;) {
    let timeMs = Infinity;
    series.forEach(({ timesMs }, i) => {
      if (places[i] < timesMs.length && timesMs[places[i]] < timeMs) timeMs = timesMs[places[i]];
    });
    if (!(timeMs < toMs)) return;
    const values = series.map(({ timesMs, values: column }, i) => {
      return timesMs[places[i]] === timeMs ? column[places[i]++] : NaN;
    });
    yield { timeMs, values };
  }
}
