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
import { route, setParams } from "../../../route.ts";
import { RoutingAnswer, type AskedRouting } from "../policies/who-is-told.tsx";
import type { Backtest } from "./backtest.ts";
import { backtestWords, plotEpisodes, testedWords, toldWords } from "./backtest-words.ts";
import { EpisodeTable } from "./episode-table.tsx";
import { ToldTable } from "./told-table.tsx";
import { lineOf, previewOf, SERIES_MAX, thresholdsOf } from "./preview-series.ts";

const RANGES: readonly (readonly [name: string, label: string, ms: number])[] = [
  ["1h", "1 h", 3_600_000],
  ["6h", "6 h", 6 * 3_600_000],
  ["24h", "24 h", 86_400_000],
  ["7d", "7 d", 7 * 86_400_000],
];
const USUAL = RANGES[2];
const WAITED_MIN_MS = 3_000;

/** How far back the backtest looks, by the address. */
export function testedMs(): number {
  return (RANGES.find(([name]) => name === route.value.params.get("range")) ?? USUAL)[2];
}

interface PreviewPanelProps {
  readonly rule: Rule | undefined;
  readonly backtest: Backtest;
  readonly onUnit: (unit: string) => void;
  /** The limit was dragged; missing: there is none, or more than one. */
  onLimit?(value: number): void;
}

export function PreviewPanel({ rule, backtest, onUnit, onLimit }: PreviewPanelProps) {
  const { result, range, isRunning, sinceMs, failure, problems } = backtest;
  const lastMs = testedMs();
  const episodes = result?.episodes ?? [];
  const isOfDevices = rule?.condition?.device !== undefined;
  return (
    <section class="card rules-preview" aria-label="What it would have done" aria-busy={isRunning}>
      <div class="toolbar">
        <strong>What it would have done</strong>
        <div class="segments push" role="group" aria-label="Looks back">
          {RANGES.map(([name, label, ms]) => (
            <button type="button" key={name} aria-pressed={ms === lastMs} onClick={() => setParams({ range: name })}>
              {label}
            </button>
          ))}
        </div>
      </div>
      <p class="rules-verdict" role="status">
        {rule === undefined && "Choose a metric, and it is tested with what is stored."}
        {rule !== undefined && result === undefined && isRunning && (
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
      {rule !== undefined && result !== undefined && (
        <PreviewPlot {...{ rule, backtest, onUnit }} {...(onLimit && { onLimit })} />
      )}
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

function PreviewPlot({ rule, backtest, onUnit, onLimit }: PreviewPanelProps & { readonly rule: Rule }) {
  const { result, range } = backtest;
  const preview = useMemo(() => previewOf(rule, range, result!.episodes), [result]);
  const [lines, setLines] = useState<readonly PlotSeries[]>([]);
  const [failure, setFailure] = useState("");
  useEffect(() => {
    setFailure("");
    if (preview === undefined || result!.series === 0n) return setLines([]);
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
    void read();
    return () => over.abort();
  }, [preview]);
  if (preview === undefined) return null;
  const thresholds = thresholdsOf(rule);
  const left = Number(result!.series) - lines.length;
  return (
    <>
      {preview.what !== "" && <p class="dim">Drawn: {preview.what}, in steps.</p>}
      {failure !== "" && <p role="alert">The chart could not be read: {failure}</p>}
      {lines.length > 0 && (
        <Plot
          series={lines}
          range={range}
          thresholds={thresholds}
          episodes={plotEpisodes(result!.episodes)}
          label={`${rule.metric} with limit and episodes`}
          {...(onLimit && { onThreshold: onLimit })}
        />
      )}
      {left > 0 && lines.length > 0 && (
        <p class="dim">
          {lines.length >= SERIES_MAX ? "The most extreme" : "What fired"}: {countText(lines.length)} of{" "}
          {countText(result!.series)} series are drawn.
        </p>
      )}
    </>
  );
}
