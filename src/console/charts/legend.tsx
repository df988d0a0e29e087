/** The series of a plot: what each is called, and its value under the crosshair, else its last. */
import { useState } from "preact/hooks";
import { countText, numberText } from "../format.ts";
import type { Crosshair } from "./crosshair.ts";
import { isolated, toggled, valueAt } from "./legend-values.ts";
import { seriesColour } from "./palette.ts";
import type { PlotSeries } from "./plot-model.ts";

const SHOWN_MAX = 10;

interface LegendProps {
  readonly series: readonly PlotSeries[];
  readonly hidden: ReadonlySet<string>;
  readonly crosshair: Crosshair;
  readonly unit: string;
  onHidden(hidden: ReadonlySet<string>): void;
}

export function Legend({ series, hidden, crosshair, unit, onHidden }: LegendProps) {
  const [isAll, setAll] = useState(false);
  const [isByValue, setByValue] = useState(false);
  const atMs = crosshair.value;
  const entries = series.map((each, i) => ({ each, i, value: valueAt(each, atMs) }));
  if (isByValue) entries.sort((a, b) => rankOf(b.value) - rankOf(a.value));
  const isLong = series.length > SHOWN_MAX;
  return (
    <ul class="plot-legend">
      {(isAll ? entries : entries.slice(0, SHOWN_MAX)).map(({ each, i, value }) => (
        <li key={each.key}>
          <button
            type="button"
            aria-pressed={!hidden.has(each.key)}
            title={hidden.has(each.key) ? "Show it" : "Hide it"}
            onClick={() => onHidden(toggled(hidden, each.key))}
          >
            <span class="plot-key" style={{ background: seriesColour(i) }} /> {each.label}{" "}
            <b>
              {numberText(value)} {unit || each.unit}
            </b>
          </button>
          {series.length > 1 && (
            <button
              type="button"
              class="plot-only"
              aria-label={`Only ${each.label}, or all again`}
              title="Show it alone, or all again"
              onClick={() => onHidden(isolated(series, hidden, each.key))}
            >
              only
            </button>
          )}
        </li>
      ))}
      {isLong && (
        <li>
          <button type="button" class="plot-more" aria-expanded={isAll} onClick={() => setAll(!isAll)}>
            {isAll ? "fewer" : `${countText(series.length - SHOWN_MAX)} more`}
          </button>
        </li>
      )}
      {series.length > 2 && (
        <li>
          <button type="button" class="plot-more" onClick={() => setByValue(!isByValue)}>
            {isByValue ? "by name" : "by value"}
          </button>
        </li>
      )}
    </ul>
  );
}

/** What has no value stands last. */
function rankOf(value: number): number {
  return Number.isNaN(value) ? -Infinity : value;
}
