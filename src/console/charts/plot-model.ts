/** What is drawn, wherever it comes from: stored and live points, a replay, a backtest. Times in milliseconds since 1970. */

/** Numbers in a row: an array, or a typed one. */
export type Column = ArrayLike<number>;

export interface PlotSeries {
  readonly key: string;
  readonly label: string;
  readonly unit: string;
  /** Ascending. */
  readonly timesMs: Column;
  /** As many; NaN breaks the line. */
  readonly values: Column;
  /** Minimum and maximum of each step, as many; missing: no band. */
  readonly mins?: Column;
  readonly maxs?: Column;
  readonly gaps?: readonly PlotGap[];
}

/** A stretch without points: "lost" never comes, "late" may still come, "silent": nothing was sent. */
export interface PlotGap {
  readonly fromMs: number;
  readonly toMs: number;
  readonly kind: GapKind;
  readonly reason: string;
}

export type GapKind = "lost" | "late" | "silent";

/** [from, to). */
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

/** What lies over the lines. */
export interface PlotOverlays {
  readonly thresholds?: readonly PlotThreshold[];
  readonly episodes?: readonly PlotEpisode[];
  readonly annotations?: readonly PlotAnnotation[];
}

/** All that one drawing depends on. */
export interface PlotModel extends PlotOverlays {
  readonly series: readonly PlotSeries[];
  readonly range: PlotRange;
  /** Keys of series that are not drawn. */
  readonly hidden?: ReadonlySet<string>;
  readonly logScale?: boolean;
  /** Bounds of the value axis; missing: what is in the range decides. */
  readonly min?: number;
  readonly max?: number;
}
