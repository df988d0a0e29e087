/** After how much silence a device is late, and offline. */
import type { StatusSettings } from "./status.ts";

export const LATE_FACTOR = 1.5;
export const OFFLINE_FACTOR = 3;
/** Bounds of an interval that is inferred; it is taken for the upper one while too few gaps are known. */
export const INTERVAL_MIN_MS = 30_000;
export const INTERVAL_MAX_MS = 48 * 3_600_000;

export interface Thresholds {
  /** Infinity: never. */
  readonly lateAfterMs: number;
  readonly offlineAfterMs: number;
}

/** `gapP95Ms`: 95th percentile of its recent gaps, NaN where it is not known. Offline is never before late. */
export function thresholdsOf(settings: StatusSettings, gapP95Ms: number): Thresholds {
  const { lateAfterMs: late, offlineAfterMs: offline } = settings;
  if (late > 0 || offline > 0) {
    const lateAfterMs = late > 0 ? late : offline / (OFFLINE_FACTOR / LATE_FACTOR);
    return {
      lateAfterMs,
      offlineAfterMs: Math.max(offline > 0 ? offline : late * (OFFLINE_FACTOR / LATE_FACTOR), late),
    };
  }
  if (settings.isEventDriven) return { lateAfterMs: Infinity, offlineAfterMs: Infinity };
  const intervalMs =
    settings.expectedIntervalMs > 0
      ? settings.expectedIntervalMs
      : Math.min(Math.max(Number.isNaN(gapP95Ms) ? INTERVAL_MAX_MS : gapP95Ms, INTERVAL_MIN_MS), INTERVAL_MAX_MS);
  return { lateAfterMs: Math.round(LATE_FACTOR * intervalMs), offlineAfterMs: Math.round(OFFLINE_FACTOR * intervalMs) };
}
