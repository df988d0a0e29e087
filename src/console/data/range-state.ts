/** What a chart knows of its lines. Pure. */
import type { PlotRange, PlotSeries } from "../charts/plot-model.ts";
import type { Failure } from "./failure.ts";
import type { SeriesName } from "./series-book.ts";
import { labelsOf } from "./series-labels.ts";

export interface RangeState {
  readonly series: readonly PlotSeries[];
  /** Of the series, in their order. */
  readonly names: readonly SeriesName[];
  readonly isRead: boolean;
  /** Of the last reading; undefined: it succeeded. */
  readonly failure: Failure | undefined;
  /** 0: points as they are. */
  readonly stepMs: number;
  /** Series that there are beyond these. */
  readonly more: number;
  readonly notes: readonly string[];
  /** What of it is shown: up to now as it was when this was told. */
  readonly range: PlotRange;
}

/** Of at least one query, all of the same range. A series that several of them have is in it for each. */
export function together(states: readonly RangeState[]): RangeState {
  const [first] = states;
  if (states.length === 1) return first;
  const names = states.flatMap((state) => state.names);
  const labels = labelsOf(names);
  const series = states.flatMap((state, i) => state.series.map((each) => ({ ...each, key: `${i} ${each.key}` })));
  return {
    ...first,
    names,
    series: series.map((each, i) => ({ ...each, label: labels[i] })),
    isRead: states.every(({ isRead }) => isRead),
    failure: states.find(({ failure }) => failure !== undefined)?.failure,
    more: states.reduce((sum, { more }) => sum + more, 0),
    notes: [...new Set(states.flatMap(({ notes }) => notes))],
  };
}
