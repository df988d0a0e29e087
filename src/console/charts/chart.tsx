/** A plot that asks for what it shows, and follows it. */
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Failure } from "../data/failure.ts";
import { deliveries, wantDeliveries } from "../data/watched-deliveries.ts";
import { explained } from "../data/gaps.ts";
import { LiveRange, type ChartQuery, type RangeState } from "../data/range.ts";
import { countText } from "../format.ts";
import { nowMs } from "../now.ts";
import { useAnnotating } from "../parts/annotate.tsx";
import { Empty } from "../parts/empty.tsx";
import { useOverlays } from "./overlays.ts";
import { ChartTitle, Plot, type PlotProps } from "./plot.tsx";

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
  const { thresholds, episodes } = useOverlays(query, range.fromMs);
  const failed = live?.state.value.failure;
  useEffect(() => onFailure?.(failed), [failed?.field, failed?.text]);
  const shown = useExplainedGaps(live?.state.value);
  if (shown === undefined) return <figure class="chart" aria-busy="true" />;
  const { series, isRead, failure } = shown;
  return (
    <figure class="chart" aria-label={title}>
      {series.length === 0 && <ChartTitle title={title} unit="" />}
      {series.length > 0 && (
        <Plot
          {...{ thresholds, episodes, ...plot }}
          {...{ title, series, range, isSelecting: notes.isSelecting, onSelect: notes.onSelect }}
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
      <ChartNotes state={shown} />
      {isRead && failure === undefined && series.length === 0 && (
        <Empty title="Nothing in this range">Choose a longer range, or another metric or device.</Empty>
      )}
    </figure>
  );
}

/** What the lines do not say by themselves. */
function ChartNotes({ state: { series, failure, more, notes } }: { state: RangeState }) {
  return (
    <>
      {more > 0 && (
        <p class="dim chart-note">
          {countText(more)} more series: only {countText(series.length)} are shown. Filter them, or group them.
        </p>
      )}
      {notes.map((note) => (
        <p class="dim chart-note" key={note}>
          {note}
        </p>
      ))}
      {failure !== undefined && (
        <p role="alert" class="chart-note">
          {series.length > 0 && "What is shown could not be brought up to date: "}
          {failure.text}
        </p>
      )}
    </>
  );
}

/** Gaps with what is known of the way that their sources' points come. */
function useExplainedGaps(state: RangeState | undefined): RangeState | undefined {
  const hasGaps = state?.series.some(({ gaps = [] }) => gaps.length > 0) === true;
  useEffect(() => (hasGaps ? wantDeliveries() : undefined), [hasGaps]);
  const known = deliveries.value;
  return useMemo(() => {
    if (state === undefined || !hasGaps || known.size === 0) return state;
    const series = state.series.map((each, i) => {
      const delivery = known.get(state.names[i].source);
      return delivery === undefined ? each : { ...each, gaps: each.gaps!.map((gap) => explained(gap, delivery)) };
    });
    return { ...state, series };
  }, [state, known]);
}
