import type { GapKind, PlotRange, PlotSeries } from "./plot-model.ts";

const MEANINGS: Readonly<Record<GapKind, string>> = {
  lost: "lost: it was given up, and does not come",
  late: "late: it may still come",
  silent: "silent: nothing was sent",
};
const KINDS = Object.keys(MEANINGS) as GapKind[];

/** What the gaps in sight mean; nothing where there are none. */
export function GapLegend({ series, range }: { series: readonly PlotSeries[]; range: PlotRange }) {
  const shown = new Map<GapKind, Set<string>>();
  for (const { gaps = [], label } of series) {
    for (const { kind, fromMs, toMs, reason } of gaps) {
      if (toMs < range.fromMs || fromMs > range.toMs) continue;
      const reasons = shown.get(kind) ?? new Set();
      shown.set(kind, reasons.add(`${label}: ${reason}`));
    }
  }
  if (shown.size === 0) return null;
  return (
    <ul class="plot-gaps" aria-label="Gaps">
      {KINDS.filter((kind) => shown.has(kind)).map((kind) => (
        <li key={kind} title={[...shown.get(kind)!].slice(0, 10).join("\n")}>
          <span class="plot-gap" data-kind={kind} /> {MEANINGS[kind]}
        </li>
      ))}
    </ul>
  );
}
