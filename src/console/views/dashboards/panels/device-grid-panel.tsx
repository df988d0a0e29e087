import { compileGlob } from "../../../../model/glob.ts";
import type { Device } from "../../../../wire/gen/devices_pb.ts";
import { areDevicesKnown, devices, STATUSES } from "../../../data/devices.ts";
import { countText } from "../../../format.ts";
import { STATUS_MARKS, Status, statusText } from "../../../parts/status.tsx";
import { pathTo } from "../../../route.ts";
import { More } from "./more.tsx";

const SHOWN_MAX = 600;
/** What needs a person stands first. */
const ORDER: readonly string[] = ["offline", "stale", "late", "online", "never_seen"];

/** `filters`: by site, device, type or any tag, exact or with "*". */
export function DeviceGridPanel({ filters }: { filters: Readonly<Record<string, string>> }) {
  const tests = Object.entries(filters).map(([key, pattern]) => [key, compileGlob(pattern)] as const);
  const found = [...devices.value.values()].filter((device) =>
    tests.every(([key, test]) => test(valueOf(device, key))),
  );
  if (!areDevicesKnown.value) return <p class="dim">…</p>;
  if (found.length === 0) return <p class="dim dash-nothing">No device: choose others above, or send a reading.</p>;
  const rank = ({ status }: Device) => ORDER.indexOf(status);
  found.sort((a, b) => rank(a) - rank(b) || (a.deviceId < b.deviceId ? -1 : 1));
  const counts = Map.groupBy(found, ({ status }) => status);
  return (
    <>
      <p class="dash-statuses">
        {STATUSES.filter((status) => counts.has(status)).map((status) => (
          <span key={status}>
            {countText(counts.get(status)!.length)} <Status status={status} />
          </span>
        ))}
      </p>
      <ul class="dash-devices">
        {found.slice(0, SHOWN_MAX).map(({ deviceId, name, status, statusReason }) => (
          <li key={deviceId}>
            <a
              href={pathTo("devices", deviceId)}
              class="status"
              data-status={status}
              aria-label={`${name || deviceId}: ${statusText(status)}`}
              title={`${name || deviceId}: ${statusText(status)}${statusReason && `, ${statusReason}`}`}
            >
              {STATUS_MARKS[status] ?? "·"}
            </a>
          </li>
        ))}
      </ul>
      <More count={found.length - SHOWN_MAX} />
    </>
  );
}

function valueOf({ deviceId, site, type, model, sources, tags }: Device, key: string): string {
  const own: Readonly<Record<string, string>> = { device: deviceId, site, type, model, source: sources[0] ?? "" };
  return own[key] ?? tags[key] ?? "";
}
