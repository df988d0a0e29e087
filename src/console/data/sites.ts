/** Sites: how their devices stand, and what fires there. Pure. */
import type { Device } from "../../wire/gen/devices_pb.ts";
import type { AlertRow } from "./alert-row.ts";
import { NOWHERE } from "./device-filter.ts";

export interface Site {
  /** {@link NOWHERE}: of those that have none. */
  readonly name: string;
  readonly devices: number;
  readonly byStatus: ReadonlyMap<string, number>;
  /** Active alerts by rank: 0 is critical. */
  readonly alerts: readonly number[];
  /** Of the device that was heard last; undefined: none was. */
  readonly lastSeenMs: number | undefined;
}

/** Of an alert: what its labels say, or where its device is. */
export function siteOf(row: Pick<AlertRow, "site" | "device">, devices: ReadonlyMap<string, Device>): string {
  return row.site || devices.get(row.device)?.site || NOWHERE;
}

/** By name; those without a site last. */
export function sitesOf(
  devices: ReadonlyMap<string, Device>,
  alerts: Iterable<AlertRow>,
  lastSeenMs: (device: Device) => number | undefined,
): Site[] {
  const sites = new Map<string, { byStatus: Map<string, number>; alerts: number[]; devices: number; seenMs: number }>();
  const at = (name: string) => {
    let site = sites.get(name);
    if (site === undefined)
      sites.set(name, (site = { byStatus: new Map(), alerts: [0, 0, 0, 0], devices: 0, seenMs: 0 }));
    return site;
  };
  for (const device of devices.values()) {
    const site = at(device.site || NOWHERE);
    site.devices++;
    site.byStatus.set(device.status, (site.byStatus.get(device.status) ?? 0) + 1);
    site.seenMs = Math.max(site.seenMs, lastSeenMs(device) ?? 0);
  }
  for (const row of alerts) at(siteOf(row, devices)).alerts[Math.min(row.rank, 3)]++;
  return [...sites]
    .map(([name, { seenMs, ...site }]) => ({ name, ...site, lastSeenMs: seenMs === 0 ? undefined : seenMs }))
    .sort((a, b) => Number(a.name === NOWHERE) - Number(b.name === NOWHERE) || (a.name < b.name ? -1 : 1));
}

export function siteName(site: string): string {
  return site === NOWHERE ? "(no site)" : site;
}
