/** Why a device has its status, where nobody said so. */
import { formatDurationMs } from "../../model/duration.ts";
import type { DeviceStatus } from "./status.ts";
import type { Thresholds } from "./thresholds.ts";

/** Of a fleet that falls silent at once all have the same one, or one of few: each is kept once. */
const KEPT_MAX = 1_000;
const kept = new Map<string, string>();

/** For people: "silent for 1m30s; late after 1m30s", "heard again". `silentMs`: since when silence counts. */
export function reasonOf(
  before: DeviceStatus,
  after: DeviceStatus,
  silentMs: number,
  { lateAfterMs, offlineAfterMs }: Thresholds,
): string {
  if (after === "online") return before === "never_seen" ? "heard for the first time" : "heard again";
  const limitMs = after === "late" ? lateAfterMs : offlineAfterMs;
  const key = `${after} ${silentMs} ${limitMs}`;
  let reason = kept.get(key);
  if (reason !== undefined) return reason;
  reason = `silent for ${formatDurationMs(silentMs)}; ${after} after ${formatDurationMs(limitMs)}`;
  if (kept.size >= KEPT_MAX) kept.clear();
  kept.set(key, reason);
  return reason;
}
