/** What a simulation says before it begins. */
import { formatRoughDurationMs } from "../../model/duration.ts";
import type { Span } from "../../simulate/simulated-device.ts";

/** Of what is said to be in the past or the future. */
const NOW_US = 1_000_000;

/** How many devices send to whom, from when, and until when. */
export function beginning({ fromUs, toUs, liveFromUs }: Span, devices: number, server: string, nowMs: number): string {
  const back = fromUs < liveFromUs - NOW_US ? ` back from ${isoOf(fromUs)},` : "";
  const leftUs = toUs - nowMs * 1_000;
  let end = `for ${formatRoughDurationMs(leftUs / 1_000)}`;
  if (toUs === Infinity) end = "until Ctrl-C";
  else if (leftUs < -NOW_US) end = `up to ${isoOf(toUs)}`;
  else if (leftUs <= 0) end = "up to now";
  return `${devices} devices to ${server},${back} ${end}`;
}

function isoOf(timeUs: number): string {
  return new Date(timeUs / 1_000).toISOString();
}
