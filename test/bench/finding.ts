/** What a row of the bench finds out, and how that is judged and shown. */
import { median } from "./measure.ts";

export interface BenchOptions {
  /** Shorter loads, one run. */
  readonly quick: boolean;
  /** How often a measurement is repeated; the median counts. */
  readonly runs: number;
  /** Length of the soak. */
  readonly minutes: number;
}

export interface Bar {
  readonly sign: "≥" | "≤";
  readonly value: number;
  /** Where the value comes from: "1.5 × VictoriaMetrics". */
  readonly of?: string;
}

export interface Finding {
  readonly what: string;
  readonly unit: string;
  /** One value a run. */
  readonly runs: readonly number[];
  /** Without one the value is only reported. */
  readonly bar?: Bar;
  readonly note?: string;
}

export interface BenchRow {
  readonly name: string;
  readonly about: string;
  /** Left out of a run that names no rows. */
  readonly onlyByName?: boolean;
  run(options: BenchOptions): Promise<Finding[]>;
}

export function verdict({ runs, bar }: Finding): "pass" | "miss" | "" {
  if (bar === undefined) return "";
  const value = median(runs);
  return (bar.sign === "≥" ? value >= bar.value : value <= bar.value) ? "pass" : "miss";
}

/** Three significant digits, more before the point. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return "none";
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}

export function formatBar({ bar, unit }: Finding): string {
  if (bar === undefined) return "report";
  const value = `${bar.sign} ${formatNumber(bar.value)} ${unit}`;
  return bar.of === undefined ? value : `${value} (${bar.of})`;
}

/** A line of progress, below the heading of the row that runs. */
export function say(sentence: string): void {
  console.log(`  ${sentence}`);
}

/** First time of the recorded points: whole seconds, long enough ago that no load reaches the present. */
export function historyStartUs(daysAgo: number): number {
  const dayMs = 86_400_000;
  return (Math.floor(Date.now() / dayMs) - daysAgo) * dayMs * 1_000;
}

export const HISTORY_STEP_US = 10_000_000;
