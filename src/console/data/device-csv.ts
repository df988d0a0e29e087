/** Devices as a table of text (RFC 4180); columns that can be imported are named as there. Pure. */
import { guardedCell } from "../../model/csv.ts";
import type { Device } from "../../wire/gen/devices_pb.ts";
import { msOf } from "../format.ts";

type Cell = (device: Device) => string | number | undefined;

const COLUMNS: readonly (readonly [name: string, cell: Cell])[] = [
  ["device_id", ({ deviceId }) => deviceId],
  ["name", ({ name }) => name],
  ["status", ({ status }) => status],
  ["status_since", ({ statusSince }) => isoOf(msOf(statusSince))],
  ["site", ({ site }) => site],
  ["type", ({ type }) => type],
  ["model", ({ model }) => model],
  ["firmware", ({ firmware }) => firmware],
  ["parent", ({ parent }) => parent],
  ["expected_interval", ({ expectedIntervalMs: ms }) => (ms === 0n ? "" : `${Number(ms) / 1_000}s`)],
];

/** `more`: columns of what is known besides. */
export function devicesCsv(devices: readonly Device[], more: readonly (readonly [string, Cell])[] = []): string {
  const tags = [...new Set(devices.flatMap((device) => Object.keys(device.tags)))].sort();
  const columns = [
    ...COLUMNS,
    ...more,
    ...tags.map((key): readonly [string, Cell] => [`tags.${key}`, (device) => device.tags[key] ?? ""]),
  ];
  const rows = devices.map((device) => columns.map(([, cell]) => cell(device)));
  return [columns.map(([name]) => name), ...rows].map((row) => `${row.map(cellText).join(",")}\r\n`).join("");
}

export function isoOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

function cellText(value: string | number | undefined): string {
  return typeof value === "number" ? String(value) : guardedCell(value ?? "");
}
