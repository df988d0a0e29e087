/** What is drawn, wherever it comes from: stored and live points, a replay, a backtest. Times in milliseconds since 1970. */

export interface PlotSeries {
  readonly key: string;
  readonly label: string;
  readonly unit: string;
  readonly timesMs: readonly number[];
  /** As many; NaN breaks the line. */
  readonly values: readonly number[];
  /** Minimum and maximum of each step, as many; missing: no band. */
  readonly mins?: readonly number[];
  readonly maxs?: readonly number[];
  readonly gaps?: readonly PlotGap[];
}

/** A stretch without points: "lost" never comes, "late" may still come, "silent": nothing was sent. */
export interface PlotGap {
  readonly fromMs: number;
  readonly toMs: number;
  readonly kind: "lost" | "late" | "silent";
  readonly reason: string;
}

export interface PlotRange {
  readonly fromMs: number;
  readonly toMs: number;
}

export type Severity = "good" | "low" | "medium" | "high" | "critical";

/** A line, and what is above it. */
export interface PlotThreshold {
  readonly value: number;
  readonly severity: Severity;
  readonly label?: string;
}

/** When an alert was firing: shaded. */
export interface PlotEpisode {
  readonly fromMs: number;
  /** Missing: it goes on. */
  readonly toMs?: number;
  readonly severity: Severity;
  readonly title: string;
  readonly alertId?: string;
}

export interface PlotAnnotation {
  readonly id: string;
  readonly fromMs: number;
  /** Missing: a moment. */
  readonly toMs?: number;
  readonly text: string;
  readonly author: string;
}
