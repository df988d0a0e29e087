/** What a panel shows: the series of all its queries, put together. Pure. */
import { labelsOf } from "../../data/series-labels.ts";
import type { LastValue, StepSeries, StepValuesState } from "../../data/series-values.ts";
import { shortLabels } from "./panels/short-labels.ts";

export interface PanelSeries {
  readonly key: string;
  readonly label: string;
  /** Where there is little room. */
  readonly shortLabel: string;
  readonly unit: string;
  /** Of steps of the range. */
  readonly timesMs: readonly number[];
  readonly values: readonly number[];
  /** The latest value; NaN where there is none. */
  readonly now: number;
  readonly nowMs: number;
  /** It has been silent for longer than usual: `now` is what it was. */
  readonly isStale: boolean;
}

export interface PanelData {
  readonly series: readonly PanelSeries[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
  readonly isRead: boolean;
  /** What the server says of them. */
  readonly notes: readonly string[];
  /** "": none. What was read before is still there. */
  readonly failure: string;
}

/** Of one query: of steps and last values what it needs. */
export interface Part {
  readonly steps: StepValuesState | undefined;
  readonly last: ReadonlyMap<string, LastValue> | undefined;
}

const order = new Intl.Collator(undefined, { numeric: true });

/** Series of all queries, by name. What is silent for longer than the range has no steps in it, and is shown for what it was. */
export function together(parts: readonly Part[]): PanelData {
  const found = parts.flatMap(({ steps, last }) => {
    const stored = new Set(steps?.series.map(({ key }) => key));
    const onlyLast = [...(last?.values() ?? [])].filter(({ key }) => !stored.has(key));
    return [
      ...(steps?.series ?? []).map((each) => ({ named: each, steps: each, last: last?.get(each.key) })),
      ...(steps?.isRead === false ? [] : onlyLast.map((each) => ({ named: each, steps: undefined, last: each }))),
    ];
  });
  const labels = labelsOf(found.map(({ named }) => named));
  const shorts = shortLabels(labels);
  const first = parts.find(({ steps }) => steps !== undefined)?.steps;
  return {
    series: found
      .map(({ named, steps, last }, i) => panelSeries(named.key, labels[i], shorts[i], steps, last))
      .sort((a, b) => order.compare(a.label, b.label)),
    ...{ fromMs: first?.fromMs ?? 0, toMs: first?.toMs ?? 0, stepMs: first?.stepMs ?? 0 },
    isRead: parts.every(({ steps, last }) => steps?.isRead ?? last !== undefined),
    notes: [...new Set(parts.flatMap(({ steps }) => steps?.notes ?? []))],
    failure: parts.find(({ steps }) => steps !== undefined && steps.failure !== "")?.steps?.failure ?? "",
  };
}

function panelSeries(
  key: string,
  label: string,
  shortLabel: string,
  steps: StepSeries | undefined,
  last: LastValue | undefined,
): PanelSeries {
  const { timesMs = [], values = [] } = steps ?? {};
  return {
    ...{ key, label, shortLabel, timesMs, values },
    unit: steps?.unit || (last?.unit ?? ""),
    now: last?.value ?? values.at(-1) ?? NaN,
    nowMs: last?.timeMs ?? timesMs.at(-1) ?? NaN,
    isStale: last?.isStale ?? false,
  };
}
