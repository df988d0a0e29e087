/** Ranges that are looked at from elsewhere. Pure. */
import type { PlotRange } from "./plot-model.ts";

export function zoomed({ fromMs, toMs }: PlotRange, factor: number, aroundMs = (fromMs + toMs) / 2): PlotRange {
  return { fromMs: aroundMs - (aroundMs - fromMs) * factor, toMs: aroundMs + (toMs - aroundMs) * factor };
}

export function panned({ fromMs, toMs }: PlotRange, byMs: number): PlotRange {
  return { fromMs: fromMs + byMs, toMs: toMs + byMs };
}
