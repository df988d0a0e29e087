/** What the rule would have done with what is stored: on the chart, in words, and one by one. */
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Rule, RuleEpisode } from "../../../../wire/gen/rules_pb.ts";
import { dashboardApi } from "../../../api.ts";
import { Plot } from "../../../charts/plot.tsx";
import type { PlotSeries } from "../../../charts/plot-model.ts";
import { errorText, isCancelled } from "../../../errors.ts";
import { countText, durationText } from "../../../format.ts";
import { nowMs } from "../../../now.ts";
import { Empty } from "../../../parts/empty.tsx";
import { setParams } from "../../../route.ts";
import { RoutingAnswer, type AskedRouting } from "../policies/who-is-told.tsx";
import type { Backtest } from "./backtest.ts";
import { backtestWords, plotEpisodes, testedWords, toldWords } from "./backtest-words.ts";
import { EpisodeTable } from "./episode-table.tsx";
import { isTestable } from "./rule-draft.ts";
import { TESTED_RANGES } from "./tested-range.ts";
import { ToldTable } from "./told-table.tsx";
import { lineOf, previewOf, SERIES_MAX, thresholdsOf } from "./preview-series.ts";

const WAITED_MIN_MS = 3_000;
/** While one types. */
const READ_AFTER_MS = 300;

interface PreviewPanelProps {
  readonly rule: Rule | undefined;
  /** There is enough of it. */
  readonly isTested: boolean;
  readonly backtest: Backtest;
  readonly lastMs: number;
  readonly onUnit: (unit: string) => void;
  /** The limit was dragged; missing: there is none, or more than one. */
  onLimit?(value: number): void;
}

type PreviewPlotProps = Pick<PreviewPanelProps, "backtest" | "onUnit" | "onLimit"> & { readonly rule: Rule };

export function PreviewPanel({ rule, isTested, backtest, lastMs, onUnit, onLimit }: PreviewPanelProps) {
  const { result, range, isRunning, sinceMs, failure, problems } = backtest;
  const episodes = result?.episodes ?? [];
  const isOfDevices = rule?.condition?.device !== undefined;
  return (
    <section class="card rules-preview" aria-label="What it would have done" aria-busy={isRunning}>
      <div class="toolbar">
        <strong>What it would have done</strong>
        <div class="segments push" role="group" aria-label="Looks back">
          {TESTED_RANGES.map(([name, label, ms]) => (
            <button type="button" key={name} aria-pressed={ms === lastMs} onClick={() => setParams({ range: name })}>
              {label}
            </button>
          ))}
        </div>
      </div>
      <p class="rules-verdict" role="status">
        {!isTested && `${missingOf(rule)}, and it is tested with what is stored.`}
        {isTested && result === undefined && isRunning && (
          <>
            Testing…
            <Waited sinceMs={sinceMs} />
          </>
        )}
        {result !== undefined && (
          <>
            <strong>It {backtestWords(result, range)}</strong>
            {isRunning && (
              <span class="dim">
                {" "}
                · testing again…
                <Waited sinceMs={sinceMs} />
              </span>
            )}
          </>
        )}
      </p>
      {problems.length > 0 && <p class="field-error">What is marked in the form keeps it from being tested.</p>}
      {failure !== "" && <p role="alert">It could not be tested: {failure}</p>}
      {result !== undefined && (
        <p class="dim">
          Tested with {testedWords(result, isOfDevices)}
          {toldWords(result) !== "" && ` · ${toldWords(result)}`}
          {!result.hasReceivers && " · nobody would be told: the server has no receivers"}
        </p>
      )}
      {result !== undefined && !isOfDevices && rule?.metric !== "" && result.series === 0n && (
        <Empty title="No series matches">Nothing could be tested: look at metric and conditions.</Empty>
      )}
      {rule !== undefined && <PreviewPlot {...{ rule, backtest, onUnit }} {...(onLimit && { onLimit })} />}
      <EpisodeTable {...{ episodes, range }} more={result?.more === true} />
      {result !== undefined && <ToldTable result={result} />}
      {result?.hasReceivers && rule !== undefined && (
        <details>
          <summary>Who would be told, if it fired now</summary>
          <RoutingAnswer asked={routingOf(rule, episodes.at(-1))} />
        </details>
      )}
      <Untested rule={rule} />
    </section>
  );
}

/** What has to be said before it can be tested. */
function missingOf(rule: Rule | undefined): string {
  if (rule === undefined) return "Mend what is marked";
  const { metric, condition } = rule;
  const isOfMetric = condition?.device === undefined && condition?.watchdog === undefined;
  if (isOfMetric && metric === "") return "Choose a metric";
  return isTestable(rule) ? "Mend what is marked" : "Give the limit";
}

/** That it goes on, where it takes long; read out once, not by the second. */
function Waited({ sinceMs }: { sinceMs: number }) {
  const waitedMs = nowMs.value - sinceMs;
  if (waitedMs < WAITED_MIN_MS) return null;
  return (
    <>
      <span aria-hidden="true"> for {durationText(waitedMs)}</span>; fewer points are quicker
    </>
  );
}

/** With the labels of the last alert that would have fired; without one, those of the rule. */
function routingOf(rule: Rule, episode: RuleEpisode | undefined): AskedRouting {
  const { name, labels, severity, escalation, activeTimes } = rule;
  const gravest = rule.condition?.ladder?.steps.at(-1)?.severity ?? (severity || "medium");
  return { labels: { ...labels, ...episode?.labels, alertname: name, severity: gravest }, escalation, activeTimes };
}

/** What a backtest does not know. */
function Untested({ rule }: { rule: Rule | undefined }) {
  const notes = [
    "Points count as having come at their own time: nothing is late, and no series is silent for want of a connection.",
    "What came before the range is not known to it: windows and what is usual for a series begin empty.",
    "There are no other alerts: nothing inhibits, and nobody acknowledges.",
    ...(rule?.condition?.seasonal ? ["Hours with fewer weeks of history than it wants are not judged."] : []),
    ...(rule?.condition?.device ? ["By what the journal says of devices, as far as it reaches."] : []),
  ];
  return (
    <details>
      <summary>What a test cannot tell</summary>
      <ul class="dim">
        {notes.map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
    </details>
  );
}

/** Without a result what is stored all the same, to choose a limit by. */
function PreviewPlot({ rule, backtest, onUnit, onLimit }: PreviewPlotProps) {
  const { result, range } = backtest;
  // What was tested is drawn until another answer comes; what was not, as it is written.
  const { over = "" } = rule.condition?.window ?? rule.condition?.rate ?? {};
  const written = JSON.stringify([rule.metric, rule.where, over, rule.condition?.window?.function]);
  const preview = useMemo(
    () => previewOf(rule, range, result?.episodes ?? []),
    result === undefined ? [range, written] : [result],
  );
  const [lines, setLines] = useState<readonly PlotSeries[]>([]);
  const [failure, setFailure] = useState("");
  useEffect(() => {
    setFailure("");
    if (preview === undefined || result?.series === 0n) return setLines([]);
    const over = new AbortController();
    const read = async () => {
      try {
        const { series } = await dashboardApi.queryRange(preview.request, { signal: over.signal });
        setLines(series.map((each) => lineOf(each, preview)));
        onUnit(series[0]?.unit ?? "");
      } catch (error) {
        if (!isCancelled(error)) setFailure(errorText(error));
      }
    };
    const timer = setTimeout(read, result === undefined ? READ_AFTER_MS : 0);
    return () => {
      clearTimeout(timer);
      over.abort();
    };
  }, [preview]);
  if (preview === undefined) return null;
  const thresholds = thresholdsOf(rule);
  const left = result === undefined ? 0 : Number(result.series) - lines.length;
  return (
    <>
      {preview.what !== "" && <p class="dim">Drawn: {preview.what}, in steps.</p>}
      {failure !== "" && <p role="alert">The chart could not be read: {failure}</p>}
      {lines.length > 0 && (
        <Plot
          series={lines}
          range={range}
          thresholds={thresholds}
          episodes={plotEpisodes(result?.episodes ?? [])}
          label={result === undefined ? rule.metric : `${rule.metric} with limit and episodes`}
          {...(onLimit && { onThreshold: onLimit })}
        />
      )}
      {result === undefined && lines.length >= SERIES_MAX && (
        <p class="dim">The most extreme {countText(SERIES_MAX)} series are drawn; there may be more.</p>
      )}
      {left > 0 && lines.length > 0 && (
        <p class="dim">
          {lines.length >= SERIES_MAX ? "The most extreme" : "What fired"}: {countText(lines.length)} of{" "}
          {countText(result?.series ?? 0)} series are drawn.
        </p>
      )}
    </>
  );
}
