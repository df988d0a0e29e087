/** What a value means: the severity of the highest threshold that it has reached. Pure. */
import type { Severity } from "../../charts/plot-model.ts";

export interface Threshold {
  /** From this value upwards. */
  readonly value: number;
  readonly severity: string;
}

export const SEVERITIES: readonly Severity[] = ["good", "low", "medium", "high", "critical"];

/** Undefined below all of them, where there are none, and of NaN. */
export function severityOf(value: number, thresholds: readonly Threshold[]): Severity | undefined {
  let reached: Threshold | undefined;
  for (const threshold of thresholds) {
    if (value >= threshold.value && threshold.value >= (reached?.value ?? -Infinity)) reached = threshold;
  }
  return reached && knownSeverity(reached.severity);
}

export function inOrder<T extends Threshold>(thresholds: readonly T[]): T[] {
  return [...thresholds].sort((a, b) => a.value - b.value);
}

export function knownSeverity(severity: string): Severity {
  return SEVERITIES.find((each) => each === severity) ?? "low";
}
