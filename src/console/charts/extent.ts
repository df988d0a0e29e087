/** How far the value axis reaches. */
import { countBelow } from "./columns.ts";
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
  if (logScale) return [model.min ?? low / 1.2, model.max ?? high * 1.2];
  const margin = high > low ? (high - low) * MARGIN : Math.abs(high) * MARGIN || 1;
  return bounded(model.min ?? low - margin, model.max ?? high + margin);
}

/** An axis has a length, whatever is asked for. */
function bounded(low: number, high: number): [number, number] {
  return high > low ? [low, high] : [low, low + (Math.abs(low) || 1)];
}
