import { useEffect } from "preact/hooks";
import { alertBook, alertsVersion, areAlertsKnown, followValues } from "../../data/alerts.ts";
import { devices } from "../../data/devices.ts";
import { siteOf } from "../../data/sites.ts";
import { countText } from "../../format.ts";
import { Severity } from "../../parts/status.tsx";
import { Age } from "../../parts/time.tsx";
import { addressOf, pathTo } from "../../route.ts";

const SHOWN = 8;

/** The gravest alerts. */
export function Firing({ site }: { site: string }) {
  void alertsVersion.value;
  useEffect(followValues, []);
  const all = alertBook.active;
  const here = site === "" ? all : all.filter((row) => siteOf(row, devices.value) === site);
  return (
    <section aria-label="What fires">
      <h2>What fires</h2>
      {areAlertsKnown.value && here.length === 0 && <p class="calm">Nothing fires.</p>}
      <ul class="rows">
        {here.slice(0, SHOWN).map(({ id, alert, device, firedMs, status }) => (
          <li key={id} class="overview-alert">
            <Severity severity={alert.severity} />
            <span class="ellipsis">
              {device !== "" && <span class="dim">{device}</span>} <a href={pathTo("alerts", id)}>{alert.title}</a>
            </span>
            <span class="dim">
              {status !== "firing" && `${status} · `}
              <Age ms={firedMs} />
            </span>
          </li>
        ))}
      </ul>
      {here.length > SHOWN && (
        <p>
          <a href={addressOf("/alerts", { site })}>{countText(here.length - SHOWN)} more</a>
        </p>
      )}
    </section>
  );
}
