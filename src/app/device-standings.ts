/** How devices stand, as alerts look at them. */
import type { OpenDevices } from "../devices/open-devices.ts";
import type { DeviceStanding, DeviceStandings } from "../model/device-standing.ts";
import type { Device } from "../wire/gen/devices_pb.ts";

export function deviceStandings(devices: Pick<OpenDevices, "all" | "get" | "follow">): DeviceStandings {
  return {
    *all() {
      for (const device of devices.all()) yield standingOf(device);
    },
    get(id) {
      const device = devices.get(id);
      return device && standingOf(device);
    },
    follow: (listener) =>
      devices.follow(({ id, event }) => {
        listener(id, event.kind === "deleted" || event.device === undefined ? undefined : standingOf(event.device));
      }),
  };
}

function standingOf({ deviceId, site, type, parent, tags, status, statusReason }: Device): DeviceStanding {
  return { device: deviceId, site, type, parent, tags, status, reason: statusReason };
}
