/** A plot that asks for what it shows, and follows it. */
import { useEffect, useState } from "preact/hooks";
import type { Failure } from "../data/failure.ts";
import { LiveRange, type ChartQuery } from "../data/range.ts";
import { nowMs } from "../now.ts";
import { useAnnotating } from "../parts/annotate.tsx";
import { Empty } from "../parts/empty.tsx";
import { Plot, type PlotProps } from "./plot.tsx";

export interface ChartProps extends Omit<PlotProps, "series" | "range"> {
  readonly query: ChartQuery;
  /** By default the metric. */
  readonly title?: string;
  /** Of its query; undefined: it was answered. */
  onFailure?(failure: Failure | undefined): void;
}

export function Chart({ query, title = query.metric, onFailure, ...plot }: ChartProps) {
  const queryKey = JSON.stringify(query);
  const [live, setLive] = useState<LiveRange>();
  useEffect(() => {
    const asked = new LiveRange(query);
    setLive(asked);
    return () => asked.close();
  }, [queryKey]);
  const range = "lastMs" in query.range ? { fromMs: nowMs.value - query.range.lastMs, toMs: nowMs.value } : query.range;
  const notes = useAnnotating(query, range);
  const failed = live?.state.value.failure;
  useEffect(() => onFailure?.(failed), [failed?.field, failed?.text]);
  if (live === undefined) return <figure class="chart" aria-busy="true" />;
  const { series, isRead, failure } = live.state.value;
  const units = [...new Set(series.map(({ unit }) => unit))].join(", ");
  return (
    <figure class="chart">
      <figcaption>
        <strong>{title}</strong> {units !== "" && <span class="unit">{units}</span>}
      </figcaption>
      {series.length > 0 && (
        <Plot
          {...plot}
          {...{ series, range, label: plot.label ?? title, isSelecting: notes.isSelecting, onSelect: notes.onSelect }}
          annotations={[...(plot.annotations ?? []), ...notes.annotations]}
          toolbar={
            <>
              {plot.toolbar}
              {notes.toolbar}
            </>
          }
        />
      )}
      {notes.dialogs}
      {failure !== undefined && <p role="alert">{failure.text}</p>}
      {isRead && failure === undefined && series.length === 0 && (
        <Empty title="Nothing in this range">Choose a longer range, or another metric or device.</Empty>
      )}
    </figure>
  );
}
