import { numberText } from "../format.ts";
import type { PlotThreshold } from "./plot-model.ts";

/** "Limit 80 lies above what is shown", of those outside of [low, high]; "" where none is. Pure. */
export function outOfSight(thresholds: readonly PlotThreshold[], low: number, high: number): string {
  const texts = [
    sideText(
      thresholds.filter(({ value }) => value > high),
      "above",
    ),
    sideText(
      thresholds.filter(({ value }) => value < low),
      "below",
    ),
  ];
  return texts.filter((text) => text !== "").join(". ");
}

function sideText(limits: readonly PlotThreshold[], side: string): string {
  const values = [...new Set(limits.map(({ value }) => numberText(value)))];
  if (values.length === 0) return "";
  return values.length === 1
    ? `Limit ${values[0]} lies ${side} what is shown`
    : `Limits ${values.join(" and ")} lie ${side} what is shown`;
}
