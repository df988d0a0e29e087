import type { Device } from "../../../wire/gen/devices_pb.ts";
import { SEVERITIES } from "../../data/alert-row.ts";
import { batteryOf, batteryText, batteryVersion } from "../../data/battery.ts";
import { alertsOf } from "../../data/device-alerts.ts";
import { STATUSES } from "../../data/devices.ts";
import { lastSeenMs, lastSeenVersion } from "../../data/last-seen.ts";
import { durationText, msOf } from "../../format.ts";
import { AlertCount, Status } from "../../parts/status.tsx";
import type { Column } from "../../parts/table.tsx";
import { Age } from "../../parts/time.tsx";
import { pathTo } from "../../route.ts";

/** What needs somebody stands first. */
const STATUS_ORDER = ["offline", "late", "stale", "never_seen", "online"];
const LOW_PERCENT = 20;

export const DEVICE_COLUMNS: readonly Column<Device>[] = [
  {
    name: "device",
    label: "Device",
    cell: ({ deviceId, name }) => (
      <>
        <a class="ellipsis table-name" title={name || deviceId} href={pathTo("devices", deviceId)}>
          {name || deviceId}
        </a>{" "}
        {name !== "" && name !== deviceId && (
          <span class="dim ellipsis table-name devices-more" title={deviceId}>
            {deviceId}
          </span>
        )}
      </>
    ),
    sortKey: ({ deviceId, name }) => name || deviceId,
  },
  {
    name: "status",
    label: "Status",
    cell: (device) => <StatusCell device={device} />,
    sortKey: ({ status }) => {
      const at = STATUS_ORDER.indexOf(status);
      return at < 0 ? STATUSES.length : at;
    },
  },
  {
    name: "seen",
    label: "Last seen",
    title: "How long ago something was heard of it",
    isNumber: true,
    cell: (device) => <Seen device={device} />,
    sortKey: (device) => {
      const ms = lastSeenMs(device);
      return ms === undefined ? undefined : -ms;
    },
  },
  {
    name: "alerts",
    label: "Alerts",
    isNumber: true,
    cell: ({ deviceId }) => <Alerts device={deviceId} />,
    sortKey: ({ deviceId }) => {
      const found = alertsOf(deviceId);
      return found && (SEVERITIES.length - found.rank) * 1e6 + found.count;
    },
  },
  {
    name: "battery",
    label: "Battery",
    isNumber: true,
    isMinor: true,
    cell: ({ deviceId }) => <BatteryCell device={deviceId} />,
    sortKey: ({ deviceId }) => batteryOf(deviceId)?.value,
  },
  {
    name: "interval",
    label: "Interval",
    title: "How often it sends: as it is said, or as it was found out (≈)",
    isNumber: true,
    isMinor: true,
    cell: intervalText,
    sortKey: ({ expectedIntervalMs, gapP95Ms }) => Number(expectedIntervalMs || gapP95Ms) || undefined,
  },
  {
    name: "site",
    label: "Site",
    isMinor: true,
    cell: ({ site }) => <Text text={site} />,
    sortKey: ({ site }) => site || undefined,
  },
  {
    name: "type",
    label: "Type",
    isMinor: true,
    cell: ({ type, model }) => <Text text={[type, model].filter((text) => text !== "").join(" ")} />,
    sortKey: ({ type }) => type || undefined,
  },
];

/** However long it is, the columns beside it stay in sight. */
function Text({ text }: { text: string }) {
  return (
    <span class="ellipsis table-name devices-short" title={text}>
      {text || "–"}
    </span>
  );
}

/** "≈ 10 s": found out from what comes. */
export function intervalText({ expectedIntervalMs, gapP95Ms, isEventDriven }: Device): string {
  if (isEventDriven) return "on events";
  if (expectedIntervalMs > 0n) return durationText(Number(expectedIntervalMs));
  return gapP95Ms > 0n ? `≈ ${durationText(Number(gapP95Ms))}` : "–";
}

function StatusCell({ device: { status, statusSince, statusReason, isFlapping } }: { device: Device }) {
  const sinceMs = msOf(statusSince);
  return (
    <span title={statusReason}>
      <Status status={status} />
      {isFlapping && <b class="devices-flapping"> ⇅ flapping</b>}
      {sinceMs !== undefined && (
        <span class="dim devices-more">
          {" "}
          for <Age ms={sinceMs} />
        </span>
      )}
    </span>
  );
}

function Seen({ device }: { device: Device }) {
  void lastSeenVersion.value;
  return <Age ms={lastSeenMs(device)} />;
}

function Alerts({ device }: { device: string }) {
  const found = alertsOf(device);
  if (found === undefined) return <span class="dim">–</span>;
  const severity = SEVERITIES[Math.min(found.rank, SEVERITIES.length - 1)];
  return (
    <a href={`/alerts?device=${encodeURIComponent(device)}`} data-severity={severity}>
      <AlertCount all={found.count} gravest={found.gravest} severity={severity} />
    </a>
  );
}

export function BatteryCell({ device }: { device: string }) {
  void batteryVersion.value;
  const battery = batteryOf(device);
  if (battery === undefined) return <span class="dim">–</span>;
  const text = batteryText(battery);
  const isLow = text.endsWith("%") && battery.value < LOW_PERCENT;
  return (
    <span class={isLow ? "devices-low" : ""} title={battery.metric}>
      {isLow && "⚠ "}
      {text}
    </span>
  );
}
