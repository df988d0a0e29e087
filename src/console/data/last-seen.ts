/** When devices were heard last, which changes with every reading. Followed while something shows it. */
import { signal } from "@preact/signals";
import type { Device } from "../../wire/gen/devices_pb.ts";
import { devicesApi } from "../api.ts";
import { follow } from "../follow.ts";
import { msOf } from "../format.ts";

const seenMs = new Map<string, number>();

/** Counts updates: whoever reads it is told when devices were heard. */
export const lastSeenVersion = signal(0);

/** Undefined: never. */
export function lastSeenMs({ deviceId, lastSeen }: Pick<Device, "deviceId" | "lastSeen">): number | undefined {
  return seenMs.get(deviceId) ?? msOf(lastSeen);
}

export function followLastSeen(intervalMs = 2_000): () => void {
  return follow(
    (options) => devicesApi.watchLastSeen({ intervalMs }, options),
    ({ deviceIds, lastSeenMs: times }) => {
      deviceIds.forEach((id, i) => seenMs.set(id, Number(times[i])));
      lastSeenVersion.value++;
    },
    { what: "when devices were heard" },
  );
}
