/** What a chart shows, as CSV (RFC 4180). Pure. */
import { guardedCell } from "../../model/csv.ts";
import { bandsBeside, mergedRows } from "./merged-rows.ts";
import type { PlotRange, PlotSeries } from "./plot-model.ts";

/** A column of times in ISO 8601, then one for each series, and two for its band, which are empty where it has no point. */
export function csvOf(shown: readonly PlotSeries[], range: PlotRange): string {
  const series = bandsBeside(shown);
  const heads = series.map(({ label, unit }) => (unit === "" ? label : `${label} (${unit})`));
  const lines = [["time", ...heads].map(guardedCell).join(",")];
  for (const { timeMs, values } of mergedRows(series, range)) {
    lines.push([isoText(timeMs), ...values.map((value) => (Number.isNaN(value) ? "" : String(value)))].join(","));
  }
  return `${lines.join("\r\n")}\r\n`;
}

/** To the microsecond where there are any. */
export function isoText(timeMs: number): string {
  const micros = Math.round((timeMs - Math.floor(timeMs)) * 1_000) % 1_000;
  const iso = new Date(Math.floor(timeMs)).toISOString();
  return micros === 0 ? iso : iso.replace("Z", `${String(micros).padStart(3, "0")}Z`);
}
