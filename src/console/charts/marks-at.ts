/** What is marked at a time: alerts that were firing, notes, and why there are no points. Pure. */
import type { PlotModel } from "./plot-model.ts";

const MARKS_MAX = 5;
const TEXT_MAX = 80;

/** A line each; `nearMs`: so far from a mark of one moment it is still meant. */
export function marksAt(
  { series, episodes = [], annotations = [] }: PlotModel,
  timeMs: number,
  nearMs: number,
): string[] {
  const marks: string[] = [];
  for (const { fromMs, toMs = Infinity, severity, title } of episodes)
    if (timeMs >= fromMs - nearMs && timeMs <= toMs + nearMs) marks.push(`${severity}: ${shortened(title)}`);
  for (const { fromMs, toMs = fromMs, text, author } of annotations)
    if (timeMs >= fromMs - nearMs && timeMs <= toMs + nearMs) marks.push(`${author || "note"}: ${shortened(text)}`);
  for (const { gaps = [], label } of series)
    for (const { fromMs, toMs, kind, reason } of gaps)
      if (timeMs > fromMs && timeMs < toMs)
        marks.push(`${kind}: ${series.length > 1 ? `${shortened(label)}: ` : ""}${reason}`);
  const more = marks.length - MARKS_MAX;
  return more > 0 ? [...marks.slice(0, MARKS_MAX), `${more} more`] : marks;
}

function shortened(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > TEXT_MAX ? `${line.slice(0, TEXT_MAX - 1)}…` : line;
}
