import { ALERT_STATUSES, SEVERITIES } from "../../../data/alert-row.ts";
import { FILTER_PARAMS, switched, type AlertFilter } from "../../../data/alert-filter.ts";
import { alertBook, alertsVersion } from "../../../data/alerts.ts";
import { countText } from "../../../format.ts";
import { severityMark } from "../../../parts/status.tsx";
import { route, setParams } from "../../../route.ts";
import { user } from "../../../user.ts";

/** What the list shows; each change stands in the address. */
export function Filters({ filter, count }: { filter: AlertFilter; count: number }) {
  const { severities, statuses, site, device, text } = filter;
  const { params } = route.value;
  void alertsVersion.value;
  const isFiltered = FILTER_PARAMS.some((name) => params.has(name));
  return (
    <form
      class="filters alerts-filters"
      role="search"
      aria-label="Which alerts"
      onSubmit={(event) => event.preventDefault()}
    >
      <div class="segments" role="group" aria-label="Severity">
        {SEVERITIES.map((severity, i) => (
          <button
            type="button"
            key={severity}
            aria-pressed={severities.includes(severity)}
            onClick={() => setParams({ severity: switched(severities, severity).join(",") })}
          >
            <span data-severity={severity}>
              <span aria-hidden="true">{severityMark(severity)}</span> {severity}
            </span>{" "}
            {countText(alertBook.counts[i])}
          </button>
        ))}
      </div>
      <div class="segments" role="group" aria-label="Status">
        {ALERT_STATUSES.map((status) => (
          <button
            type="button"
            key={status}
            aria-pressed={statuses.includes(status)}
            title={
              status === "cleared" ? "Those that were cleared since this page listens; older ones are in Past" : ""
            }
            onClick={() => setParams({ status: switched(statuses, status).join(",") })}
          >
            {status === "cleared" ? "just cleared" : status}
          </button>
        ))}
      </div>
      <input
        type="search"
        data-hotkey="/"
        aria-label="Text"
        placeholder="Text, label, name"
        title="Words that are anywhere in the alert (/)"
        value={text}
        onInput={({ currentTarget }) => setParams({ text: currentTarget.value })}
      />
      <input
        aria-label="Device"
        placeholder="Device"
        size={12}
        value={device}
        onInput={({ currentTarget }) => setParams({ device: currentTarget.value })}
      />
      <Site site={site} />
      <label class="check">
        <input
          type="checkbox"
          checked={params.has("mine")}
          disabled={user.value === ""}
          onChange={({ currentTarget }) => setParams({ mine: currentTarget.checked ? "1" : "" })}
        />
        mine
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={params.get("group") !== "none"}
          onChange={({ currentTarget }) => setParams({ group: currentTarget.checked ? "" : "none" })}
        />
        by incident
      </label>
      {isFiltered && (
        <button
          type="button"
          class="quiet"
          onClick={() => setParams(Object.fromEntries(FILTER_PARAMS.map((name) => [name, ""])))}
        >
          Show all
        </button>
      )}
      <output class="push dim">{count === 1 ? "1 alert" : `${countText(count)} alerts`}</output>
    </form>
  );
}

function Site({ site }: { site: string }) {
  const sites = new Set(alertBook.sites);
  sites.add(site);
  sites.delete("");
  if (sites.size === 0) return null;
  return (
    <select aria-label="Site" value={site} onChange={({ currentTarget }) => setParams({ site: currentTarget.value })}>
      <option value="">all sites</option>
      {[...sites].sort().map((each) => (
        <option key={each}>{each}</option>
      ))}
    </select>
  );
}
