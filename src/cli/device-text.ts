/** Devices as text for people; all of it comes from the wire and is shown without what steers a terminal. */
import pc from "picocolors";
import { formatDurationMs, formatRoughDurationMs } from "../model/duration.ts";
import type { Device, DeviceEvent, Sensor } from "../wire/gen/devices_pb.ts";
import { ago, oneLine, secondOf } from "./alert-text.ts";
import { cut } from "./fit-text.ts";
import { textTable } from "./text-table.ts";
import { printable } from "./watch-table.ts";

const ID_WIDTH_MAX = 40;
const NAME_WIDTH_MAX = 24;
const CHILDREN_SHOWN_MAX = 20;
const INDENT = 13;
const PAINTS: Readonly<Record<string, (text: string) => string>> = {
  online: pc.green,
  late: pc.yellow,
  offline: pc.red,
  stale: pc.magenta,
  never_seen: pc.dim,
};
/** In the order in which they are told. */
const STATUSES = ["online", "late", "offline", "stale", "never_seen"];

export function statusWords({ status, isFlapping }: Pick<Device, "status" | "isFlapping">): string {
  return `${printable(status).replaceAll("_", " ")}${isFlapping ? ", flapping" : ""}`;
}

export function paintedStatus(device: Pick<Device, "status" | "isFlapping">, text = statusWords(device)): string {
  return (PAINTS[device.status] ?? String)(text);
}

/** "3 online, 1 offline"; "" for none. */
export function statusCounts(byStatus: Readonly<Record<string, bigint | number>>): string {
  return STATUSES.filter((status) => Number(byStatus[status] ?? 0) > 0)
    .map((status) => {
      const words = `${Number(byStatus[status]).toLocaleString("en-US")} ${status.replaceAll("_", " ")}`;
      return paintedStatus({ status, isFlapping: false }, words);
    })
    .join(", ");
}

/**
 * Lines for titles and devices, in the order given, cut to `width`. Without columns that say nothing. `isLive`: since when each has
 * its status in place of when it was seen, which streams do not tell.
 */
export function deviceTable(devices: readonly Device[], nowMs: number, width = Infinity, isLive = false): string[] {
  const column = (title: string, say: (device: Device) => string, widthMax = NAME_WIDTH_MAX) => {
    const cell = (device: Device) => cut(printable(say(device)), widthMax);
    return devices.some((device) => cell(device) !== "") ? [{ title, cell }] : [];
  };
  const table = textTable(
    [
      { title: "DEVICE", cell: ({ deviceId }: Device) => cut(printable(deviceId), ID_WIDTH_MAX) },
      { title: "STATUS", cell: statusWords },
      isLive
        ? { title: "SINCE", cell: ({ statusSince }) => ago(statusSince, nowMs) }
        : { title: "LAST SEEN", cell: ({ lastSeen }) => ago(lastSeen, nowMs) },
      { title: "INTERVAL", cell: intervalOf },
      ...column("NAME", ({ name }) => name),
      ...column("TYPE", ({ type }) => type),
      ...column("SITE", ({ site }) => site),
      ...column("PARENT", ({ parent }) => parent),
    ],
    devices,
  );
  const lines = table.split("\n").slice(0, -1);
  return lines.map((line, i) => {
    const fitting = cut(line, width);
    if (i === 0) return pc.bold(fitting);
    const device = devices[i - 1];
    const id = cut(printable(device.deviceId), ID_WIDTH_MAX);
    // Its id may be the word of a status.
    return (
      fitting.slice(0, id.length) +
      fitting.slice(id.length).replace(statusWords(device), (words) => paintedStatus(device, words))
    );
  });
}

/** "1m" as somebody said; "~1m" as it was learned; "on events". */
export function intervalOf({ expectedIntervalMs, isEventDriven, gapP95Ms }: Device): string {
  if (expectedIntervalMs > 0n) return formatDurationMs(Number(expectedIntervalMs));
  if (isEventDriven) return "on events";
  return gapP95Ms > 0n ? `~${formatRoughDurationMs(Number(gapP95Ms))}` : "-";
}

/** A device in a few words: "pump-1  online  Pump of line 4". */
export function briefly(device: Device): string {
  const { deviceId, name } = device;
  return [printable(deviceId), paintedStatus(device), ...(name === "" ? [] : [oneLine(name)])].join("  ");
}

/** A change in one line: when, which, what happened, and who did it. */
export function eventLine({ kind, device, time, actor, previousStatus, omitted }: DeviceEvent): string {
  if (device === undefined) return "";
  const id = printable(device.deviceId);
  const more = omitted > 0n ? `  (${omitted} ${omitted === 1n ? "change" : "changes"} before it left out)` : "";
  const by = actor === "" || actor === "system" ? "" : `  by ${printable(actor)}`;
  const what =
    kind === "status"
      ? `${statusWords({ status: previousStatus, isFlapping: false })} -> ${paintedStatus(device)}: ${oneLine(device.statusReason)}`
      : kind === "left"
        ? "(left the list)"
        : kind === "registered" && actor === "system"
          ? "found in the data"
          : kind;
  return `${time === undefined ? "" : `${secondOf(time)}  `}${id}  ${what}${more}${by}`;
}

/** All there is to say of one. */
export function devicePage(
  device: Device,
  children: readonly Device[],
  total: number,
  events: readonly DeviceEvent[],
  nowMs: number,
): string {
  const { location, statusReason, statusSince, lastSeen, sources, tags, createdAt, updatedAt, revision } = device;
  const since = statusSince === undefined ? "" : ` since ${secondOf(statusSince)}`;
  const seen = lastSeen === undefined ? "never" : `${secondOf(lastSeen)}, ${ago(lastSeen, nowMs)}`;
  const changed = updatedAt === undefined ? "" : `${secondOf(updatedAt)}, revision ${revision}`;
  const lines: [string, string][] = [
    ["Device", pc.bold(printable(device.deviceId))],
    ["Name", oneLine(device.name)],
    ["Status", `${paintedStatus(device)}${since}`],
    ["Reason", oneLine(statusReason)],
    ["Last seen", seen],
    ["Interval", intervalOf(device)],
    ["Silence", silenceOf(device)],
    ["Type", printable(device.type)],
    ["Model", printable(device.model)],
    ["Site", printable(device.site)],
    ["Parent", printable(device.parent)],
    ["Location", location === undefined ? "" : placeOf(location)],
    ["Firmware", printable(device.firmware)],
    [
      "Tags",
      Object.entries(tags)
        .map(([key, value]) => printable(`${key}=${value}`))
        .join(", "),
    ],
    ["Sources", sources.map(printable).join(", ")],
    ["Registered", device.isRegistered ? "yes" : "no: found in the data"],
    ["Created", createdAt === undefined ? "" : secondOf(createdAt)],
    ["Changed", changed],
    ["Children", childrenText(children, total)],
  ];
  const given = lines.filter(([, value]) => value !== "").map(([name, value]) => `${name.padEnd(INDENT)}${value}\n`);
  const sensors = sensorTable(device.sensors, nowMs);
  const recent = events.map((event) => `${eventLine(event)}\n`).join("");
  return [given.join(""), sensors, recent].filter((part) => part !== "").join("\n");
}

export function sensorTable(sensors: readonly Sensor[], nowMs: number): string {
  const has = (say: (sensor: Sensor) => string) => sensors.some((sensor) => say(sensor) !== "");
  const range = ({ validMin, validMax, outOfRange }: Sensor) => {
    if (validMin === undefined && validMax === undefined) return "";
    return `${validMin ?? ""}..${validMax ?? ""}${outOfRange === "refuse" ? " or refused" : ""}`;
  };
  const outside = ({ outOfRangeTotal }: Sensor) => (outOfRangeTotal === 0n ? "" : String(outOfRangeTotal));
  const about = ({ description }: Sensor) => oneLine(description);
  return textTable(
    [
      { title: "SENSOR", cell: ({ metricName }: Sensor) => printable(metricName) },
      { title: "VALUE", right: true, cell: valueOf },
      { title: "UNIT", cell: ({ unit }) => printable(unit) },
      { title: "AGE", cell: ({ lastTime }) => ago(lastTime, nowMs) },
      ...(has(range) ? [{ title: "VALID", cell: range }] : []),
      ...(has(outside) ? [{ title: "OUTSIDE", right: true, cell: outside }] : []),
      ...(has(about) ? [{ title: "DESCRIPTION", cell: about }] : []),
    ],
    sensors,
  );
}

function valueOf({ lastValue, precision }: Sensor): string {
  if (lastValue === undefined) return "-";
  return precision === undefined ? String(lastValue) : lastValue.toFixed(precision);
}

function silenceOf({ effectiveLateAfterMs: late, effectiveOfflineAfterMs: offline }: Device): string {
  if (late === 0n && offline === 0n) return "means nothing";
  return `late after ${formatRoughDurationMs(Number(late))}, offline after ${formatRoughDurationMs(Number(offline))}`;
}

function placeOf({ latitude, longitude, altitude, name }: NonNullable<Device["location"]>): string {
  const height = altitude === undefined ? "" : `, ${altitude} m`;
  return `${name === "" ? "" : `${oneLine(name)} `}(${latitude}, ${longitude}${height})`;
}

function childrenText(children: readonly Device[], total: number): string {
  const shown = children
    .slice(0, CHILDREN_SHOWN_MAX)
    .map((child) => `${printable(child.deviceId)} (${paintedStatus(child)})`);
  const more = total > shown.length ? ` and ${(total - shown.length).toLocaleString("en-US")} more` : "";
  return shown.join(", ") + more;
}
