/** What of a chart is not to be seen in it. Pure. */
import { countBelow } from "../data/columns.ts";
import { numberText } from "../format.ts";
import { valueExtent } from "./extent.ts";
import type { PlotModel, PlotThreshold } from "./plot-model.ts";

/** In sentences; none where all is in sight. */
export function unseenIn(model: PlotModel): string[] {
  const { thresholds = [], logScale = false } = model;
  const notes: string[] = [];
  if (logScale && hasNotPositive(model)) notes.push("Values of 0 and less are not shown: the scale is logarithmic.");
  if (thresholds.length === 0) return notes;
  const [low, high] = valueExtent(model);
  const above = thresholds.filter(({ value }) => value > high);
  const below = thresholds.filter(({ value }) => value < low);
  if (above.length > 0) notes.push(`Above what is shown: ${namesOf(above)}.`);
  if (below.length > 0) notes.push(`Below what is shown: ${namesOf(below)}.`);
  return notes;
}

function namesOf(thresholds: readonly PlotThreshold[]): string {
  return thresholds.map(({ label, value }) => `limit ${label ?? numberText(value)}`).join(", ");
}

function hasNotPositive({ series, range, hidden }: PlotModel): boolean {
  return series.some(({ key, timesMs, values, mins = values }) => {
    if (hidden?.has(key)) return false;
    const end = countBelow(timesMs, range.toMs);
    for (let i = countBelow(timesMs, range.fromMs); i < end; i++) if (mins[i] <= 0) return true;
    return false;
  });
}
