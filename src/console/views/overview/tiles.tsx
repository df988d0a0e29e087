import type { ComponentChildren } from "preact";
import { alertsVersion, alertBook } from "../../data/alerts.ts";
import { SEVERITIES } from "../../data/alert-row.ts";
import { takesDevice } from "../../data/device-filter.ts";
import { areDevicesKnown, devices, STATUSES } from "../../data/devices.ts";
import { serverStatus } from "../../data/server.ts";
import { siteOf } from "../../data/sites.ts";
import { countText } from "../../format.ts";
import { Severity, Status } from "../../parts/status.tsx";
import { addressOf } from "../../route.ts";

/** Of a count in large digits. */
const LENGTH_USUAL = 5;

export function DeviceTiles({ site }: { site: string }) {
  const counts = site === "" ? (countsOfServer() ?? countsOf(site)) : countsOf(site);
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return (
    <TileGroup title={`${countText(all)} ${all === 1 ? "device" : "devices"}`}>
      {STATUSES.map((status) => (
        <Tile key={status} count={counts.get(status) ?? 0} href={addressOf("/devices", { status, site })}>
          <Status status={status} />
        </Tile>
      ))}
    </TileGroup>
  );
}

/** Of a large fleet the server knows it before the page has heard of each device; undefined: the page knows it itself. */
function countsOfServer(): ReadonlyMap<string, number> | undefined {
  const status = areDevicesKnown.value ? undefined : serverStatus.value;
  return status && new Map(Object.entries(status.devicesByStatus).map(([name, count]) => [name, Number(count)]));
}

function countsOf(site: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const isHere = takesDevice({ search: "", statuses: [], site, type: "", tags: [] });
  for (const device of devices.value.values()) {
    if (isHere(device)) counts.set(device.status, (counts.get(device.status) ?? 0) + 1);
  }
  return counts;
}

export function AlertTiles({ site }: { site: string }) {
  void alertsVersion.value;
  const counts = SEVERITIES.map((_, rank) => (site === "" ? alertBook.counts[rank] : 0));
  if (site !== "") {
    for (const row of alertBook.active) if (siteOf(row, devices.value) === site) counts[Math.min(row.rank, 3)]++;
  }
  const open = alertBook.openCounts.reduce((sum, count) => sum + count, 0);
  const all = counts.reduce((sum, count) => sum + count, 0);
  const ofThese = site === "" && all > 0 ? `, ${countText(open)} without anybody` : "";
  return (
    <TileGroup title={`${countText(all)} firing${ofThese}`}>
      {SEVERITIES.map((severity, rank) => (
        <Tile key={severity} count={counts[rank]} href={addressOf("/alerts", { severity, site })}>
          <Severity severity={severity} />
        </Tile>
      ))}
    </TileGroup>
  );
}

export function TileGroup({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div class="card overview-group">
      <h2>{title}</h2>
      <div class="overview-group-tiles">{children}</div>
    </div>
  );
}

function Tile({ count, href, children }: { count: number; href: string; children: ComponentChildren }) {
  const text = countText(count);
  return (
    <a class="overview-tile" href={href} data-none={count === 0}>
      <b data-long={text.length > LENGTH_USUAL}>{text}</b>
      {children}
    </a>
  );
}
