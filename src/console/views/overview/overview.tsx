/** What an operator looks at first: what stands, what fires, what comes in, what has changed. `?site=` narrows it to one. */
import { useComputed } from "@preact/signals";
import { useEffect } from "preact/hooks";
import "./overview.css";
import { areAlertsKnown } from "../../data/alerts.ts";
import { areDevicesKnown, devices } from "../../data/devices.ts";
import { followLastSeen } from "../../data/last-seen.ts";
import { followChanges, followStatus, serverStatus } from "../../data/server.ts";
import { siteName } from "../../data/sites.ts";
import { Empty } from "../../parts/empty.tsx";
import { FirstReading } from "../../parts/first-reading.tsx";
import { route, setParams } from "../../route.ts";
import { usePageTitle } from "../../page-title.ts";
import { useView } from "../../use-view.ts";
import { Changes } from "./changes.tsx";
import { Firing } from "./firing.tsx";
import { Ingest, ServerLine } from "./ingest.tsx";
import { Problems } from "./problems.tsx";
import { Silent } from "./silent.tsx";
import { Sites } from "./sites.tsx";
import { AlertTiles, DeviceTiles } from "./tiles.tsx";

export function Overview() {
  const site = useComputed(() => route.value.params.get("site") ?? "").value;
  usePageTitle(site === "" ? "" : siteName(site));
  useView(site === "" ? "Overview" : `Overview of ${siteName(site)}`);
  useEffect(() => {
    const stops = [followStatus(), followChanges(), followLastSeen()];
    return () => stops.forEach((stop) => stop());
  }, []);
  const isKnown = areAlertsKnown.value && (areDevicesKnown.value || (site === "" && serverStatus.value !== undefined));
  return (
    <>
      <div class="overview-title">
        <h1>{site === "" ? "Overview" : `Overview of ${siteName(site)}`}</h1>
        {site !== "" && (
          <button type="button" class="quiet" onClick={() => setParams({ site: "" })}>
            All sites
          </button>
        )}
      </div>
      <Problems />
      {isKnown ? (
        <>
          <section class="overview-tiles" aria-label="How things stand">
            <DeviceTiles site={site} />
            <AlertTiles site={site} />
            <Ingest site={site} />
          </section>
          <ServerLine />
          {areDevicesKnown.value && devices.value.size === 0 && <NoDevices />}
        </>
      ) : (
        <p class="dim" role="status">
          Asking the server how things stand …
        </p>
      )}
      <div class="overview-columns">
        <div>
          <Firing site={site} />
          <Silent site={site} />
          {site === "" && <Sites />}
        </div>
        <Changes site={site} />
      </div>
    </>
  );
}

function NoDevices() {
  const { pointsTotal = 0n, scope = "" } = serverStatus.value ?? {};
  if (pointsTotal > 0n) return null;
  if (scope !== "") {
    return <Empty title="There is no device in what you see">An admin says who sees what; you see {scope}.</Empty>;
  }
  return (
    <Empty title="No device has been heard of yet">
      <FirstReading />
    </Empty>
  );
}
