import type { PanelSeries } from "../panel-data.ts";

/** What tells a series from the others; all of its name where it is pointed at, and to those who listen. */
export function Label({ series: { label, shortLabel } }: { series: PanelSeries }) {
  return (
    <span class="dim ellipsis dash-label" title={label}>
      <span aria-hidden="true">{shortLabel}</span>
      <span class="unseen">{label}</span>
    </span>
  );
}
