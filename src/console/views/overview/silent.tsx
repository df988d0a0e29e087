import { useMemo } from "preact/hooks";
import type { Device } from "../../../wire/gen/devices_pb.ts";
import { takesDevice } from "../../data/device-filter.ts";
import { areDevicesKnown, devices } from "../../data/devices.ts";
import { countText, msOf } from "../../format.ts";
import { Status } from "../../parts/status.tsx";
import { Age } from "../../parts/time.tsx";
import { addressOf, pathTo } from "../../route.ts";

const STATUSES = ["offline", "late"];
const SHOWN = 6;
const NONE: ReadonlyMap<string, Device> = new Map();

/** Devices that should have been heard: those that fell silent last first. */
export function Silent({ site }: { site: string }) {
  const present = areDevicesKnown.value ? devices.value : NONE;
  const silent = useMemo(() => {
    const isSilent = takesDevice({ search: "", statuses: STATUSES, site, type: "", tags: [] });
    const sinceMs = ({ statusSince }: Device) => msOf(statusSince) ?? 0;
    return [...present.values()].filter(isSilent).sort((a, b) => sinceMs(b) - sinceMs(a));
  }, [present, site]);
  if (silent.length === 0) return null;
  return (
    <section aria-label="Silent devices">
      <h2>Silent devices</h2>
      <ul class="rows">
        {silent.slice(0, SHOWN).map(({ deviceId, name, status, statusSince, statusReason }) => (
          <li key={deviceId} class="overview-alert">
            <Status status={status} />
            <span class="ellipsis">
              <a href={pathTo("devices", deviceId)}>{name || deviceId}</a> <span class="dim">{statusReason}</span>
            </span>
            <span class="dim">
              <Age ms={msOf(statusSince)} />
            </span>
          </li>
        ))}
      </ul>
      {silent.length > SHOWN && (
        <p>
          <a href={addressOf("/devices", { status: STATUSES.join(","), site })}>
            {countText(silent.length - SHOWN)} more
          </a>
        </p>
      )}
    </section>
  );
}
