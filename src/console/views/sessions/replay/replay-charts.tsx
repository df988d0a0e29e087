import { useMemo, useState } from "preact/hooks";
import { Plot } from "../../../charts/plot.tsx";
import type { PlotSeries } from "../../../charts/plot-model.ts";
import { plotted } from "../../../data/annotations.ts";
import { episodesAt } from "../../../data/replay/replay-episodes.ts";
import type { ReplaySeries } from "../../../data/replay/replay-series.ts";
import type { Replay } from "../../../data/replay/replay.ts";
import { Empty } from "../../../parts/empty.tsx";
import { route } from "../../../route.ts";
import { WINDOWS } from "./replay-controls.tsx";

const [CHARTS_FIRST, SERIES_MAX] = [6, 30];

/** Lines as they were: nothing of what came later. */
export function ReplayCharts({ replay }: { replay: Replay }) {
  const [shown, setShown] = useState(CHARTS_FIRST);
  void replay.parts.value;
  const { series: all } = replay.buffer;
  const byMetric = useMemo(() => [...Map.groupBy(all.values(), ({ metric }) => metric)], [all, all.size]);
  if (byMetric.length === 0 && !replay.isReading.value) {
    return <Empty title="It was about no metric">Chat and alerts are replayed without charts.</Empty>;
  }
  return (
    <>
      {byMetric.slice(0, shown).map(([metric, series]) => (
        <MetricPlot key={metric} {...{ replay, metric, series }} />
      ))}
      {byMetric.length > shown && (
        <button onClick={() => setShown(byMetric.length)}>{byMetric.length - shown} more charts</button>
      )}
    </>
  );
}

interface MetricPlotProps {
  readonly replay: Replay;
  readonly metric: string;
  readonly series: readonly ReplaySeries[];
}

function MetricPlot({ replay, metric, series }: MetricPlotProps) {
  const { atMs, alerts, annotations } = replay.state.value;
  const windowMs = WINDOWS.find(([name]) => name === route.value.params.get("window"))?.[1];
  const range = windowMs === undefined ? replay.buffer.range : { fromMs: atMs - windowMs, toMs: atMs };
  const lines: PlotSeries[] = series.slice(0, SERIES_MAX).map((each) => {
    const { key, label, unit } = each;
    return { key, label, unit, ...each.at(atMs) };
  });
  const devices = new Set(series.map(({ device }) => device));
  const episodes = episodesAt(atMs, alerts.values(), { metric, devices });
  const notes = [...annotations.values()].filter(({ pin }) => pin?.metric === "" || pin?.metric === metric);
  return (
    <figure class="chart">
      <figcaption>
        <strong>{metric}</strong> {series.length > SERIES_MAX && `${SERIES_MAX} of ${series.length} series`}
      </figcaption>
      <Plot
        series={lines}
        range={range}
        label={metric}
        syncKey="replay"
        heightPx={180}
        cursorMs={atMs}
        episodes={episodes}
        annotations={notes.map(plotted)}
      />
    </figure>
  );
}
