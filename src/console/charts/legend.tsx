/** The series of a plot: what each is called, and its value under the crosshair, else its last. */
import { numberText } from "../format.ts";
import { nearestIndex } from "./columns.ts";
import type { Crosshair } from "./crosshair.ts";
import { seriesColour } from "./palette.ts";
import type { PlotSeries } from "./plot-model.ts";

const SHOWN_MAX = 12;

export interface LegendProps {
  readonly series: readonly PlotSeries[];
  readonly hidden: ReadonlySet<string>;
  readonly crosshair: Crosshair;
  readonly unit: string;
  onHidden(hidden: ReadonlySet<string>): void;
}

export function Legend({ series, hidden, crosshair, unit, onHidden }: LegendProps) {
  const atMs = crosshair.value;
  return (
    <ul class="plot-legend">
      {series.slice(0, SHOWN_MAX).map((each, i) => (
        <li key={each.key}>
          <button
            type="button"
            aria-pressed={!hidden.has(each.key)}
            title="Click to hide or show it, with Alt to show it alone"
            onClick={({ altKey }) => onHidden(altKey ? isolated(series, hidden, each.key) : toggled(hidden, each.key))}
          >
            <span class="plot-key" style={{ background: seriesColour(i) }} /> {each.label}{" "}
            <b>
              {numberText(valueAt(each, atMs))} {unit || each.unit}
            </b>
          </button>
        </li>
      ))}
      {series.length > SHOWN_MAX && <li class="dim">{series.length - SHOWN_MAX} more</li>}
    </ul>
  );
}

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
