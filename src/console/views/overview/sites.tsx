import { useComputed } from "@preact/signals";
import { useState } from "preact/hooks";
import { SEVERITIES } from "../../data/alert-row.ts";
import { alertBook, alertsVersion } from "../../data/alerts.ts";
import { NOWHERE } from "../../data/device-filter.ts";
import { areDevicesKnown, devices } from "../../data/devices.ts";
import { lastSeenMs, lastSeenVersion } from "../../data/last-seen.ts";
import { siteName, sitesOf, type Site } from "../../data/sites.ts";
import { countText } from "../../format.ts";
import { AlertCount, statusText } from "../../parts/status.tsx";
import { Table, type Column } from "../../parts/table.tsx";
import { Age } from "../../parts/time.tsx";
import { addressOf } from "../../route.ts";

/** Others are what is left of the devices. */
const SHOWN_STATUSES = ["online", "late", "offline"] as const;

const none = <span class="dim">0</span>;

const COLUMNS: readonly Column<Site>[] = [
  {
    name: "site",
    label: "Site",
    cell: ({ name }) => (
      <a class="ellipsis table-name" title={siteName(name)} href={addressOf("/", { site: name })}>
        {siteName(name)}
      </a>
    ),
    sortKey: ({ name }) => name,
  },
  {
    ...{ name: "devices", label: "Devices", isNumber: true, isMinor: true },
    cell: ({ name, devices: count }) => <a href={addressOf("/devices", { site: name })}>{countText(count)}</a>,
    sortKey: ({ devices: count }) => count,
  },
  ...SHOWN_STATUSES.map((status): Column<Site> => {
    const count = ({ byStatus }: Site) => byStatus.get(status) ?? 0;
    return {
      ...{ name: status, label: statusText(status), isNumber: true },
      cell: (site) =>
        count(site) === 0 ? (
          none
        ) : (
          <a class="status" data-status={status} href={addressOf("/devices", { status, site: site.name })}>
            {countText(count(site))}
          </a>
        ),
      sortKey: count,
    };
  }),
  {
    ...{ name: "alerts", label: "Alerts", isNumber: true },
    cell: (site) => <SiteAlerts site={site} />,
    sortKey: ({ alerts }) => alerts.reduce((weight, count) => weight * 10_000 + count, 0),
  },
  {
    ...{ name: "last", label: "Last data" },
    cell: ({ lastSeenMs: ms }) => <Age ms={ms} />,
    sortKey: ({ lastSeenMs: ms }) => ms,
  },
];

export function Sites() {
  const sites = useComputed(() => {
    void [alertsVersion.value, lastSeenVersion.value];
    return sitesOf(devices.value, alertBook.active, lastSeenMs);
  }).value;
  const [sort, setSort] = useState("");
  // Of a part of the devices no site can be told.
  if (!areDevicesKnown.value || sites.length === 0) return null;
  return (
    <section aria-label="Sites">
      <h2>Sites</h2>
      <Table label="Sites" columns={COLUMNS} rows={sites} rowKey={({ name }) => name} sort={sort} onSort={setSort} />
    </section>
  );
}

/** How many, and the gravest in words. */
function SiteAlerts({ site: { name, alerts } }: { site: Site }) {
  const all = alerts.reduce((sum, count) => sum + count, 0);
  const gravest = alerts.findIndex((count) => count > 0);
  if (gravest < 0) return none;
  const severity = SEVERITIES[gravest];
  const count = <AlertCount all={all} gravest={alerts[gravest]} severity={severity} />;
  // Alerts cannot be asked for by having no site.
  if (name === NOWHERE) {
    return <span data-severity={severity}>{count}</span>;
  }
  return (
    <a href={addressOf("/alerts", { site: name })} data-severity={severity}>
      {count}
    </a>
  );
}
