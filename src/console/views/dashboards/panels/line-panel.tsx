import { useEffect, useRef, useState } from "preact/hooks";
import { FUNCTIONS, AGGREGATIONS, type ChartQuery } from "../../../data/chart-query.ts";
import { Plot } from "../../../charts/plot.tsx";
import { useLiveRanges } from "../../../charts/use-live-ranges.ts";
import type { PlotRange } from "../../../charts/plot-model.ts";
import { useAnnotating } from "../../../parts/annotate.tsx";
import type { Panel, PanelQuery } from "../../../../wire/gen/saved_dashboards_pb.ts";
import { inOrder, knownSeverity } from "../thresholds.ts";
import type { TimeRange } from "../time-range.ts";
import { More } from "./more.tsx";
import { Notes } from "./notes.tsx";
import { PanelState } from "./panel-state.tsx";

const HEIGHT_PX_MIN = 60;
/** A smaller panel is all lines. */
const LEGEND_FROM_PX = 150;

interface LinePanelProps {
  readonly panel: Panel;
  /** With what variables stand for. */
  readonly queries: readonly PanelQuery[];
  readonly range: TimeRange;
  readonly syncKey: string;
  onZoom(range: PlotRange | undefined): void;
}

export function LinePanel({ panel, queries, range, syncKey, onZoom }: LinePanelProps) {
  const place = useRef<HTMLDivElement>(null);
  const [heightPx, setHeightPx] = useState(0);
  const [footPx, setFootPx] = useState(0);
  const asked = queries.map((query) => chartQuery(query, range, panel.minMaxBand));
  const state = useLiveRanges(asked);
  const { series, isRead } = state;
  useEffect(() => {
    const sizes = new ResizeObserver(([{ contentRect }]) => setHeightPx(Math.floor(contentRect.height)));
    sizes.observe(place.current!);
    return () => sizes.disconnect();
  }, []);
  // Whoever has moved it to where there is nothing moves on from there.
  const isDrawn = heightPx > 0 && (series.length > 0 || "fromMs" in range);
  useEffect(() => {
    const frame = place.current!.querySelector<HTMLElement>(".plot-frame");
    const plot = frame?.querySelector<HTMLElement>(".plot");
    if (!frame || !plot) return;
    // What stands below the lines is as high as it needs.
    const sizes = new ResizeObserver(() => setFootPx(frame.offsetHeight - plot.offsetHeight));
    sizes.observe(frame);
    return () => sizes.disconnect();
  }, [isDrawn]);
  const { min, max, unit, logScale } = panel;
  const thresholds = inOrder(panel.thresholds).map(({ value, severity }) => ({
    value,
    severity: knownSeverity(severity),
  }));
  // What is asked for next stands before it is read.
  const shown = "lastMs" in range ? state.range : range;
  const notes = useAnnotating(asked, shown);
  return (
    <>
      <div ref={place} class="dash-line">
        <PanelState {...{ isRead }} failure={state.failure?.text ?? ""} isEmpty={series.length === 0} />
        {isDrawn && (
          <Plot
            {...{ series, thresholds, logScale, syncKey, onZoom }}
            {...{ annotations: notes.annotations, isSelecting: notes.isSelecting, onSelect: notes.onSelect }}
            toolbar={notes.toolbar}
            range={shown}
            label={panel.title || queries.map(({ metric }) => metric).join(", ")}
            heightPx={Math.max(HEIGHT_PX_MIN, heightPx - footPx)}
            hasLegend={heightPx >= LEGEND_FROM_PX}
            {...(unit !== "" && { unit })}
            {...(min !== undefined && { min })}
            {...(max !== undefined && { max })}
          />
        )}
      </div>
      <More count={state.more} />
      <Notes notes={state.notes} />
      {notes.dialogs}
    </>
  );
}

function chartQuery(query: PanelQuery, range: TimeRange, band: boolean): ChartQuery {
  const func = nameOf(FUNCTIONS, query.function);
  const aggregation = nameOf(AGGREGATIONS, query.aggregation);
  return {
    ...{ metric: query.metric, filters: query.filters, range, band },
    ...(func !== undefined && { function: func }),
    ...(query.stepMs > 0n && { stepMs: Number(query.stepMs) }),
    ...(query.groupBy.length > 0 && { groupBy: query.groupBy }),
    ...(aggregation !== undefined && { aggregation }),
  };
}

function nameOf<T extends object>(names: T, value: number): keyof T | undefined {
  return (Object.keys(names) as (keyof T)[]).find((name) => names[name] === value);
}
