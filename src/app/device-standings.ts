/** How devices stand, as alerts look at them. */
import type { OpenDevices } from "../devices/open-devices.ts";
import { standingOfDevice } from "../devices/past-standings.ts";
import type { DeviceStandings } from "../model/device-standing.ts";

export function deviceStandings(
  devices: Pick<OpenDevices, "standings" | "standingOf" | "past" | "follow">,
): DeviceStandings {
  return {
    having: (statuses) => devices.standings(statuses),
    get: (id) => devices.standingOf(id),
    past: (fromMs, toMs) => devices.past(fromMs, toMs),
    follow: (listener) =>
      devices.follow(({ id, event }) => {
        listener(
          id,
          event.kind === "deleted" || event.device === undefined ? undefined : standingOfDevice(event.device),
        );
      }),
  };
}
