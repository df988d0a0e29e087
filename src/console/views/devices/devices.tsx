import { areDevicesKnown, devices, STATUSES } from "../../data/devices.ts";
import type { Device } from "../../../wire/gen/devices_pb.ts";
import { countText, durationText, msOf } from "../../format.ts";
import { Empty } from "../../parts/empty.tsx";
import { Status, statusText } from "../../parts/status.tsx";
import { Age } from "../../parts/time.tsx";
import { route, setParams } from "../../route.ts";

const SHOWN = 200;

export function DevicesView() {
  const { params } = route.value;
  const [search, status] = [params.get("search") ?? "", params.get("status") ?? ""];
  const found = [...devices.value.values()]
    .filter((device) => (status === "" || device.status === status) && matches(device, search.toLowerCase()))
    .sort((a, b) => (a.deviceId < b.deviceId ? -1 : 1));
  return (
    <>
      <h1>Devices</h1>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <label>
          Search{" "}
          <input
            type="search"
            data-hotkey="/"
            value={search}
            onInput={({ currentTarget }) => setParams({ search: currentTarget.value })}
          />
        </label>
        <label>
          Status{" "}
          <select value={status} onChange={({ currentTarget }) => setParams({ status: currentTarget.value })}>
            <option value="">all</option>
            {STATUSES.map((each) => (
              <option key={each} value={each}>
                {statusText(each)}
              </option>
            ))}
          </select>
        </label>
        <output>{countText(found.length)} devices</output>
      </form>
      {areDevicesKnown.value && found.length === 0 && (
        <Empty title="No such device">Search for less, or choose another status.</Empty>
      )}
      <table>
        <thead>
          <tr>
            <th scope="col">Device</th>
            <th scope="col">Status</th>
            <th scope="col">For</th>
            <th scope="col">Interval</th>
            <th scope="col">Site</th>
            <th scope="col">Type</th>
          </tr>
        </thead>
        <tbody>
          {found.slice(0, SHOWN).map((device) => (
            <tr key={device.deviceId}>
              <td>
                <a href={`/explore?device=${encodeURIComponent(device.deviceId)}`}>{device.name || device.deviceId}</a>
              </td>
              <td title={device.statusReason}>
                <Status status={device.status} /> {device.isFlapping && "flapping"}
              </td>
              <td>
                <Age ms={msOf(device.statusSince)} />
              </td>
              <td>{intervalText(device)}</td>
              <td>{device.site}</td>
              <td>{[device.type, device.model].filter((text) => text !== "").join(" ")}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {found.length > SHOWN && <p>{countText(found.length - SHOWN)} more; search for less.</p>}
    </>
  );
}

function matches({ deviceId, name, site, type, model }: Device, search: string): boolean {
  return search === "" || [deviceId, name, site, type, model].some((text) => text.toLowerCase().includes(search));
}

function intervalText({ expectedIntervalMs, gapP95Ms, isEventDriven }: Device): string {
  if (isEventDriven) return "on events";
  const ms = Number(expectedIntervalMs || gapP95Ms);
  return ms > 0 ? durationText(ms) : "–";
}
