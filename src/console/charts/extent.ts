/** How far the value axis reaches. */
import { countBelow } from "../data/columns.ts";
import type { PlotModel } from "./plot-model.ts";

/** Of what is empty. */
const NOTHING = [0, 1] as const;
const MARGIN = 0.05;

/** Lowest and highest value that is shown, with a margin; of a log scale only what is above 0. `min` and `max` come before both. */
export function valueExtent(model: PlotModel): [low: number, high: number] {
  const { series, range, hidden, logScale = false, thresholds = [] } = model;
  let [low, high] = [Infinity, -Infinity];
  const take = (value: number) => {
    if (!Number.isFinite(value) || (logScale && value <= 0)) return;
    if (value < low) low = value;
    if (value > high) high = value;
  };
  for (const each of series) {
    if (hidden?.has(each.key)) continue;
    const { timesMs, values, mins, maxs } = each;
    // The lines come in from the point before, and go out to the one behind.
    const first = Math.max(0, countBelow(timesMs, range.fromMs) - 1);
    const end = Math.min(timesMs.length, countBelow(timesMs, range.toMs) + 1);
    for (let i = first; i < end; i++) {
      take(values[i]);
      if (mins !== undefined) take(mins[i]);
      if (maxs !== undefined) take(maxs[i]);
    }
  }
  const isEmpty = low > high;
  const span = isEmpty ? 0 : high - low;
  // A limit that the values are far from would press them flat.
  for (const { value } of thresholds) if (isEmpty || (value > low - span && value < high + span)) take(value);
  if (low > high) [low, high] = logScale ? [0.1, 10] : NOTHING;
  if (logScale) return bounded(model.min ?? rounded(low, Math.floor), model.max ?? rounded(high * 1.01, Math.ceil));
  const margin = high > low ? (high - low) * MARGIN : Math.abs(high) * MARGIN || 1;
  return bounded(model.min ?? low - margin, model.max ?? high + margin);
}

/** To one digit: the ticks of a log axis count from its lower end. */
function rounded(value: number, round: (value: number) => number): number {
  const magnitude = 10 ** Math.floor(Math.log10(value));
  return round(value / magnitude) * magnitude;
}

/** An axis has a length, whatever is asked for. */
function bounded(low: number, high: number): [number, number] {
  return high > low ? [low, high] : [low, low + (Math.abs(low) || 1)];
}
