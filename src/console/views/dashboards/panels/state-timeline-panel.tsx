import { useMemo } from "preact/hooks";
import { decimalText, durationText, timeText } from "../../../format.ts";
import { severityMark } from "../../../parts/status.tsx";
import type { PanelSeries } from "../panel-data.ts";
import { Label } from "./label.tsx";
import { More } from "./more.tsx";
import type { PanelProps } from "./panel-props.ts";
import { holdMsOf, shares, stateRuns, type StateRun } from "./state-runs.ts";
import { TimeLine } from "./time-line.tsx";

const SHOWN_MAX = 30;
const BELOW = "below all";

/** Which threshold's state each series was in; without thresholds, which value it had. */
export function StateTimelinePanel({ panel, data }: PanelProps) {
  const { series, fromMs, toMs } = data;
  return (
    <>
      <div class="dash-states">
        {series.slice(0, SHOWN_MAX).map((each) => (
          <StateRow key={each.key} {...{ panel, data, series: each }} />
        ))}
        <TimeLine {...{ fromMs, toMs }} />
      </div>
      <More count={series.length - SHOWN_MAX} />
    </>
  );
}

function StateRow({ panel, data, series }: PanelProps & { series: PanelSeries }) {
  const { fromMs, toMs, stepMs } = data;
  const { timesMs, values } = series;
  const runs = useMemo(() => {
    const { thresholds, decimals } = panel;
    const textOf = (value: number) => decimalText(value, decimals);
    return stateRuns({ timesMs, values, thresholds, holdMs: holdMsOf(timesMs, stepMs), untilMs: toMs, textOf });
  }, [timesMs, values, panel, stepMs, toMs]);
  const names = [...new Set(runs.map(({ state }) => state))].sort();
  const told = shares(runs, fromMs, toMs).map(({ state, share }) => `${wordOf(state)} ${Math.round(share * 100)} %`);
  const percent = (ms: number) => (Math.max(0, ms) / (toMs - fromMs)) * 100;
  return (
    <div class="dash-state-row">
      <Label series={series} />
      <div class="dash-runs" role="img" aria-label={`${series.label}: ${told.join(", ") || "nothing is known"}`}>
        {runs.map((run) => {
          const from = Math.max(run.fromMs, fromMs);
          return (
            <span
              key={run.fromMs}
              class="dash-run"
              data-severity={run.severity}
              data-shade={run.severity === undefined ? names.indexOf(run.state) % 4 : undefined}
              title={`${wordOf(run.state)}: ${timeText(from, toMs)} to ${timeText(run.toMs, toMs)}, ${durationText(run.toMs - from)}`}
              style={{ left: `${percent(from - fromMs)}%`, width: `${percent(run.toMs - from)}%` }}
            >
              {signOf(run)}
            </span>
          );
        })}
      </div>
    </div>
  );
}

function wordOf(state: string): string {
  return state === "" ? BELOW : state;
}

function signOf({ severity, state }: StateRun): string {
  return severity === undefined ? state : `${severityMark(severity)} ${state}`;
}
