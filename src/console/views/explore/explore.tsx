import { useState } from "preact/hooks";
import { Chart } from "../../charts/chart.tsx";
import type { PlotRange } from "../../charts/plot-model.ts";
import type { Failure } from "../../data/failure.ts";
import { clockOffsetMs } from "../../now.ts";
import { countText, durationText } from "../../format.ts";
import { Mistakes } from "../../parts/mistakes.tsx";
import { route, setParams } from "../../route.ts";
import { newRuleAddress } from "../../data/rule-address.ts";
import { Browse } from "./browse.tsx";
import { FilterFields, MetricField } from "./choose-series.tsx";
import { useDeviceMetrics } from "./device-metrics.ts";
import { exploreStateOf, mistakesIn, ownRangeParams, queryOf } from "../../data/explore-state.ts";
import "./explore.css";
import { HowFields } from "./how-fields.tsx";
import { RangeFields } from "./range-fields.tsx";
import { Alerts } from "../../../wire/gen/alerts_pb.ts";
import { may } from "../../who.ts";

const CHARTS_MAX = 50;

export function Explore() {
  const state = exploreStateOf(route.value.params);
  const device = state.filters["device"] ?? "";
  const ofDevice = useDeviceMetrics(state.metrics.length === 0 ? device : "");
  const shown = state.metrics.length > 0 ? state.metrics : (ofDevice ?? []);
  const [failure, setFailure] = useState<Failure>();
  const onZoom = (range: PlotRange | undefined) => setParams(ownRangeParams(range));
  return (
    <>
      <h1>Explore</h1>
      <div class="explore-choose">
        <MetricField state={state} {...failed(failure, "metric")} />
        <FilterFields state={state} {...failed(failure, "filters")} />
      </div>
      <div class="toolbar explore-how">
        <RangeFields state={state} />
        <details class="explore-more" open={isWide()}>
          <summary>Function, step, groups</summary>
          <div class="toolbar explore-how">
            <HowFields state={state} failure={failure} />
          </div>
        </details>
        {state.metrics.length === 1 && may(Alerts.method.putRule) && (
          <a class="button" href={newRuleAddress(state.metrics[0], state.filters)}>
            Make a rule of it
          </a>
        )}
      </div>
      <Mistakes of={mistakesIn(route.value.params)} />
      <ClockNote />
      {shown.length === 0 && (device === "" || ofDevice !== undefined) && <Browse filters={state.filters} />}
      <div class="charts">
        {shown.slice(0, CHARTS_MAX).map((metric) => (
          <Chart
            key={metric}
            query={queryOf(state, metric)}
            syncKey="explore"
            logScale={state.logScale}
            onZoom={onZoom}
            onFailure={setFailure}
          />
        ))}
      </div>
      {shown.length > CHARTS_MAX && (
        <p>{countText(shown.length - CHARTS_MAX)} more metrics; choose those that you want to see.</p>
      )}
    </>
  );
}

/** Whose clock is off wonders about the times. */
function ClockNote() {
  const offsetMs = clockOffsetMs.value;
  if (offsetMs === 0) return null;
  return (
    <p class="dim">
      The clock of this browser is {offsetMs > 0 ? "behind" : "ahead of"} the server's by{" "}
      {durationText(Math.abs(offsetMs))}; charts end at the server's now.
    </p>
  );
}

/** On a phone the charts come first. */
function isWide(): boolean {
  return matchMedia("(min-width: 641px)").matches;
}

function failed(failure: Failure | undefined, field: string): { error?: string } {
  return failure !== undefined && failure.field.startsWith(field) ? { error: failure.text } : {};
}
