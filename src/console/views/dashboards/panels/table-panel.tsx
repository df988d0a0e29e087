import { useMemo, useState } from "preact/hooks";
import { Age } from "../../../parts/time.tsx";
import type { PanelSeries } from "../panel-data.ts";
import { More } from "./more.tsx";
import { unitOf, type PanelProps } from "./panel-props.ts";
import { Value } from "./value-mark.tsx";
import { decimalText } from "../../../format.ts";

const SHOWN_MAX = 100;

interface Row {
  readonly series: PanelSeries;
  readonly label: string;
  readonly now: number;
  readonly min: number;
  readonly avg: number;
  readonly max: number;
}
type ColumnName = Exclude<keyof Row, "series">;

const COLUMNS: readonly (readonly [name: ColumnName, label: string])[] = [
  ["label", "Series"],
  ["now", "Now"],
  ["min", "Lowest"],
  ["avg", "Average"],
  ["max", "Highest"],
];

/** Series, their last values, and what their steps of the range say. */
export function TablePanel({ panel, data: { series } }: PanelProps) {
  const [{ by, isDown }, setOrder] = useState<{ by: ColumnName; isDown: boolean }>({ by: "label", isDown: false });
  const rows = useMemo(() => series.map(rowOf), [series]);
  const inOrder = [...rows].sort((a, b) => compare(a[by], b[by]) * (isDown ? -1 : 1));
  const { thresholds, decimals } = panel;
  return (
    <>
      <table class="dash-table">
        <thead>
          <tr>
            {COLUMNS.map(([name, label]) => (
              <th
                key={name}
                scope="col"
                class={classOf(name)}
                aria-sort={by === name ? (isDown ? "descending" : "ascending") : undefined}
              >
                <button
                  type="button"
                  class="sort"
                  onClick={() => setOrder({ by: name, isDown: by === name && !isDown })}
                >
                  {label} <span aria-hidden="true">{by === name ? (isDown ? "▾" : "▴") : ""}</span>
                </button>
              </th>
            ))}
            <th scope="col" class="number dash-wide">
              Heard
            </th>
          </tr>
        </thead>
        <tbody>
          {inOrder.slice(0, SHOWN_MAX).map(({ series: each, ...row }) => (
            <tr key={each.key}>
              <th scope="row" class="ellipsis" title={row.label}>
                {row.label}
              </th>
              <td class="number">
                <Value
                  value={each.now}
                  unit={unitOf(panel, each)}
                  isStale={each.isStale}
                  {...{ decimals, thresholds }}
                />
              </td>
              {[row.min, row.avg, row.max].map((value, i) => (
                <td key={i} class="number dash-medium">
                  {decimalText(value, decimals)}
                </td>
              ))}
              <td class="number dash-wide">
                <Age ms={Number.isNaN(each.nowMs) ? undefined : each.nowMs} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <More count={rows.length - SHOWN_MAX} />
    </>
  );
}

/** The narrower the panel, the fewer columns. */
function classOf(name: ColumnName): string {
  return name === "label" ? "" : name === "now" ? "number" : "number dash-medium";
}

function rowOf(series: PanelSeries): Row {
  const known = series.values.filter(Number.isFinite);
  const avg = known.reduce((sum, value) => sum + value, 0) / known.length;
  const [min, max] = known.length === 0 ? [NaN, NaN] : [Math.min(...known), Math.max(...known)];
  return { series, label: series.label, now: series.now, min, avg, max };
}

/** What is not known stands last, or first. */
function compare(a: string | number, b: string | number): number {
  if (typeof a === "string") return a.localeCompare(String(b), undefined, { numeric: true });
  return (Number.isNaN(a) ? -Infinity : a) - (Number.isNaN(b) ? -Infinity : Number(b)) || 0;
}
