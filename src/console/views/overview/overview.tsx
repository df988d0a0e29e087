import { alertList, alertsBySeverity, SEVERITIES } from "../../data/alerts.ts";
import { areDevicesKnown, devices, devicesByStatus, STATUSES } from "../../data/devices.ts";
import { countText, msOf } from "../../format.ts";
import { Empty } from "../../parts/empty.tsx";
import { Severity, Status, statusText } from "../../parts/status.tsx";
import { Age } from "../../parts/time.tsx";

const [ALERTS_SHOWN, SITES_SHOWN] = [8, 20];

export function Overview() {
  if (areDevicesKnown.value && devices.value.size === 0) {
    return (
      <Empty title="No device has been heard of yet">
        Send a reading, for example with <code>watchpost simulate</code>, and it appears here by itself.
      </Empty>
    );
  }
  return (
    <>
      <h1>Overview</h1>
      <section class="tiles" aria-label="Devices by status">
        {STATUSES.map((status) => (
          <a class="tile" href={`/devices?status=${encodeURIComponent(status)}`} key={status}>
            <b>{countText(devicesByStatus.value.get(status) ?? 0)}</b>
            <Status status={status} />
          </a>
        ))}
        {SEVERITIES.map((severity) => (
          <a class="tile" href={`/alerts?severity=${severity}`} key={severity}>
            <b>{countText(alertsBySeverity.value.get(severity) ?? 0)}</b>
            <Severity severity={severity} />
          </a>
        ))}
      </section>
      <div class="columns">
        <section>
          <h2>What fires</h2>
          {alertList.value.length === 0 && <p class="calm">Nothing fires.</p>}
          <ul class="rows">
            {alertList.value.slice(0, ALERTS_SHOWN).map(({ id, severity, title, createdAt }) => (
              <li key={id}>
                <Severity severity={severity} /> <a href={`/alerts?alert=${encodeURIComponent(id)}`}>{title}</a>{" "}
                <Age ms={msOf(createdAt)} />
              </li>
            ))}
          </ul>
        </section>
        <Sites />
      </div>
    </>
  );
}

function Sites() {
  const sites = Map.groupBy(devices.value.values(), ({ site }) => site || "(no site)");
  const inOrder = [...sites].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, SITES_SHOWN);
  return (
    <section>
      <h2>Sites</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">Site</th>
            {STATUSES.map((status) => (
              <th scope="col" key={status} class="number">
                {statusText(status)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {inOrder.map(([site, those]) => (
            <tr key={site}>
              <td>{site}</td>
              {STATUSES.map((status) => (
                <td key={status} class="number">
                  {countText(those.filter((device) => device.status === status).length)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
