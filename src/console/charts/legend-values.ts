/** What the names below a plot say and do. Pure. */
import { nearestIndex } from "../data/columns.ts";
import type { PlotSeries } from "./plot-model.ts";

/** Of the nearest point; without a time the last. NaN: there is none. */
export function valueAt({ timesMs, values }: PlotSeries, timeMs: number | undefined): number {
  const index = timeMs === undefined ? values.length - 1 : nearestIndex(timesMs, timeMs);
  return values[index] ?? NaN;
}

export function toggled(hidden: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(hidden);
  if (!next.delete(key)) next.add(key);
  return next;
}

/** This one alone; where it already is, all. */
export function isolated(series: readonly PlotSeries[], hidden: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const others = series.map((each) => each.key).filter((each) => each !== key);
  const isAlone = !hidden.has(key) && others.every((each) => hidden.has(each));
  return new Set(isAlone ? [] : others);
}
