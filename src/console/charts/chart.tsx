/** A plot that asks for what it shows, and follows it. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Failure } from "../data/failure.ts";
import { deliveries, wantDeliveries } from "../data/watched-deliveries.ts";
import { explained } from "../data/gaps.ts";
import { LiveRange, type ChartQuery, type RangeState } from "../data/range.ts";
import { countText } from "../format.ts";
import { useAnnotating } from "../parts/annotate.tsx";
import { useOverlays } from "./overlays.ts";
import { Plot, type PlotProps } from "./plot.tsx";

export interface ChartProps extends Omit<PlotProps, "series" | "range"> {
  readonly query: ChartQuery;
  /** By default the metric. */
  readonly title?: string;
  /** Of its query; undefined: it was answered. */
  onFailure?(failure: Failure | undefined): void;
}

export function Chart({ query, title = query.metric, ...props }: ChartProps) {
  const place = useRef<HTMLElement>(null);
  const isSeen = useSeen(place);
  const [live, setLive] = useState<LiveRange>();
  const queryKey = JSON.stringify(query);
  useEffect(() => {
    const asked = new LiveRange(query);
    setLive(asked);
    return () => asked.close();
  }, [queryKey]);
  return (
    <figure ref={place} class="chart" aria-label={title}>
      {live !== undefined && <LiveChart {...{ ...props, query, title, live, isSeen }} />}
    </figure>
  );
}

interface LiveChartProps extends ChartProps {
  readonly title: string;
  readonly live: LiveRange;
  /** Else what comes is not drawn. */
  readonly isSeen: boolean;
}

function LiveChart({ query, title, live, isSeen, onFailure, ...plot }: LiveChartProps) {
  const present = isSeen ? live.state.value : live.state.peek();
  // Until another range of the same has come, what was there before stays.
  const before = useRef<{ readonly of: string; readonly state: RangeState }>(undefined);
  const of = JSON.stringify({ ...query, range: undefined, stepMs: undefined });
  if (present.isRead) before.current = { of, state: present };
  const kept = before.current?.of === of ? before.current.state : present;
  const state = useExplainedGaps(present.isRead ? present : { ...kept, range: present.range });
  const { series, failure } = state;
  // What is asked for next stands before it is read: keys that are pressed meanwhile go on from there.
  const range = "lastMs" in query.range ? state.range : query.range;
  const notes = useAnnotating([query], range);
  const { thresholds, episodes, notes: cut } = useOverlays(query, range.fromMs);
  useEffect(() => onFailure?.(failure), [failure?.field, failure?.text]);
  const annotations = useMemo(
    () => [...(plot.annotations ?? []), ...notes.annotations],
    [plot.annotations, notes.annotations],
  );
  return (
    <>
      <Plot
        {...{ thresholds, episodes, ...plot }}
        {...{ title, series, range, annotations, isSelecting: notes.isSelecting, onSelect: notes.onSelect }}
        toolbar={
          <>
            {plot.toolbar}
            {notes.toolbar}
          </>
        }
      />
      {notes.dialogs}
      <ChartNotes state={{ ...state, notes: [...state.notes, ...cut] }} />
    </>
  );
}

/** Whether any of it is in sight. */
function useSeen(place: { readonly current: HTMLElement | null }): boolean {
  const [isSeen, setSeen] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => setSeen(entries.at(-1)!.isIntersecting), {
      rootMargin: "100px",
    });
    observer.observe(place.current!);
    return () => observer.disconnect();
  }, []);
  return isSeen;
}

/** What the lines do not say by themselves. */
function ChartNotes({ state: { series, isRead, failure, more, notes } }: { state: RangeState }) {
  return (
    <>
      {series.length === 0 && failure === undefined && (
        <p class="dim chart-note">{isRead ? "Nothing is stored in this range" : "Reading …"}</p>
      )}
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
function useExplainedGaps(state: RangeState): RangeState {
  const hasGaps = state.series.some(({ gaps = [] }) => gaps.length > 0);
  useEffect(() => (hasGaps ? wantDeliveries() : undefined), [hasGaps]);
  const known = deliveries.value;
  return useMemo(() => {
    if (!hasGaps || known.size === 0) return state;
    const series = state.series.map((each, i) => {
      const delivery = known.get(state.names[i].source);
      return delivery === undefined ? each : { ...each, gaps: each.gaps!.map((gap) => explained(gap, delivery)) };
    });
    return { ...state, series };
  }, [state, known]);
}
