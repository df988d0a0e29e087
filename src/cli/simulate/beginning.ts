/** What a simulation says before it begins. */
import { formatByteSize } from "../../model/byte-size.ts";
import { formatRoughDurationMs } from "../../model/duration.ts";
import type { Fleet } from "../../simulate/fleet.ts";
import { bytesBetweenBreaks } from "../../simulate/network.ts";
import { BACKFILL_READINGS, type Span } from "../../simulate/simulated-device.ts";
import { counted } from "../counted.ts";

/** On the wire, about. */
const READING_BYTES = 100;
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
  return `${counted(devices, "device")} to ${server},${back} ${end}`;
}

/**
 * Of fleets whose network breaks before a batch of each device is through: connections that break have to begin these anew. A
 * sentence for each.
 */
export function narrowNetworks(fleets: readonly Fleet[], { fromUs, liveFromUs }: Span): string[] {
  return fleets.flatMap(({ name, profile, devices, batch, network }) => {
    if (network === undefined) return [];
    const readings = fromUs < liveFromUs - NOW_US ? BACKFILL_READINGS : batch * profile.sensors.length;
    const [passing, wanted] = [bytesBetweenBreaks(network), readings * READING_BYTES * devices];
    if (passing >= wanted) return [];
    const bytes = (count: number) => formatByteSize(Math.ceil(count));
    return [
      `${name}: between two disconnects pass about ${bytes(passing)}, and one batch of each device has ${bytes(wanted)}: little or nothing gets through`,
    ];
  });
}

function isoOf(timeUs: number): string {
  return new Date(timeUs / 1_000).toISOString();
}
