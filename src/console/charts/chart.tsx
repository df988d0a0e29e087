/** A plot that asks for what it shows, and follows it. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Failure } from "../data/failure.ts";
import type { ChartQuery, RangeState } from "../data/range.ts";
import { countText } from "../format.ts";
import { useAnnotating } from "../parts/annotate.tsx";
import { useOverlays } from "./overlays.ts";
import { NothingStored } from "./nothing-stored.tsx";
import { Plot, type PlotProps } from "./plot.tsx";
import { useLiveRanges } from "./use-live-ranges.ts";

interface ChartProps extends Omit<PlotProps, "series" | "range"> {
  readonly query: ChartQuery;
  /** By default the metric. */
  readonly title?: string;
  /** Of its query; undefined: it was answered. */
  onFailure?(failure: Failure | undefined): void;
}

export function Chart({ query, title = query.metric, onFailure, ...plot }: ChartProps) {
  const place = useRef<HTMLElement>(null);
  // What is not seen is not drawn.
  const state = useLiveRanges([query], useSeen(place));
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
    <figure ref={place} class="chart" aria-label={title}>
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
      <ChartNotes query={query} state={{ ...state, notes: [...state.notes, ...cut] }} />
    </figure>
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
function ChartNotes({ query, state }: { query: ChartQuery; state: RangeState }) {
  const { series, isRead, failure, more, notes } = state;
  return (
    <>
      {series.length === 0 && failure === undefined && !isRead && <p class="dim chart-note">Reading …</p>}
      {series.length === 0 && failure === undefined && isRead && <NothingStored {...query} />}
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
