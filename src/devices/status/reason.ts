/** Why a device has its status, where nobody said so. */
import { formatDurationMs } from "../../model/duration.ts";
import type { DeviceStatus } from "./status.ts";
import type { Thresholds } from "./thresholds.ts";

/** For people: "silent for 1m30s; late after 1m30s", "heard again". `silentMs`: since when silence counts. */
export function reasonOf(
  before: DeviceStatus,
  after: DeviceStatus,
  silentMs: number,
  { lateAfterMs, offlineAfterMs }: Thresholds,
): string {
  if (after === "online") return before === "never_seen" ? "heard for the first time" : "heard again";
  const limitMs = after === "late" ? lateAfterMs : offlineAfterMs;
  return `silent for ${formatDurationMs(silentMs)}; ${after} after ${formatDurationMs(limitMs)}`;
}
