/** All devices, as they are now. */
import { computed } from "@preact/signals";
import type { Device, DeviceEvent } from "../../wire/gen/devices_pb.ts";
import { devicesApi } from "../api.ts";
import { following } from "../follow.ts";
import { Standing } from "./standing.ts";

export const STATUSES = ["online", "late", "offline", "stale", "never_seen"] as const;

const standing = new Standing<Device>();
export const devices = standing.all;
export const areDevicesKnown = standing.isKnown;

export const devicesByStatus = computed(() => {
  const counts = new Map<string, number>();
  for (const { status } of devices.value.values()) counts.set(status, (counts.get(status) ?? 0) + 1);
  return counts;
});

export const followDevices = following<DeviceEvent>("devices", {
  begin: () => standing.begin(),
  open: (cursor, options) => devicesApi.watchDevices({ cursor }, options),
  hear,
});

function hear({ kind, device }: DeviceEvent): void {
  if (kind === "snapshot_end") return standing.known();
  if (device === undefined) return;
  const { deviceId, status, statusSince, statusReason, isFlapping } = device;
  const before = standing.get(deviceId);
  if (kind === "deleted" || kind === "left") standing.put(deviceId, undefined);
  else if (kind !== "status" || before === undefined) standing.put(deviceId, device);
  else standing.put(deviceId, { ...before, status, statusReason, isFlapping, ...(statusSince && { statusSince }) });
}
