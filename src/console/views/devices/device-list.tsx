import { useEffect, useMemo, useState } from "preact/hooks";
import { Devices, type Device } from "../../../wire/gen/devices_pb.ts";
import { deviceAlertsVersion } from "../../data/device-alerts.ts";
import { batteryVersion, followBatteries } from "../../data/battery.ts";
import { deviceFilterOf, FILTER_PARAMS, mistakesInDevices, takesDevice } from "../../data/device-filter.ts";
import { areDevicesKnown, devices, STATUSES } from "../../data/devices.ts";
import { followLastSeen, lastSeenVersion } from "../../data/last-seen.ts";
import { countOf } from "../../format.ts";
import { useKeys } from "../../keys.ts";
import { Empty } from "../../parts/empty.tsx";
import { FirstReading } from "../../parts/first-reading.tsx";
import { Mistakes } from "../../parts/mistakes.tsx";
import { Table } from "../../parts/table.tsx";
import { TABLE_KEYS } from "../../parts/table-keys.ts";
import { parseSort } from "../../parts/table-sort.ts";
import { go, pathTo, route, setParams } from "../../route.ts";
import { useView } from "../../use-view.ts";
import { DeviceActions } from "./device-actions.tsx";
import { DEVICE_COLUMNS } from "./device-columns.tsx";
import { DeviceFilters } from "./device-filters.tsx";
import { may } from "../../who.ts";

const NONE: ReadonlySet<string> = new Set();

export function DeviceList() {
  const { params } = route.value;
  const sort = params.get("sort") ?? "";
  const filterKey = FILTER_PARAMS.map((name) => params.get(name) ?? "").join("\n");
  const [chosen, setChosen] = useState(NONE);
  useView("Devices");
  useKeys("Devices", [], TABLE_KEYS);
  useEffect(() => {
    const stops = [followLastSeen(), followBatteries()];
    return () => stops.forEach((stop) => stop());
  }, []);
  const all = useInOrder(devices.value);
  const changing = changesWith(parseSort(sort).by);
  // What rows are sorted by is in no device: a new array has them sorted again.
  const found = useMemo(() => all.filter(takesDevice(deviceFilterOf(params, STATUSES))), [all, filterKey, changing]);
  const isFiltered = filterKey.trim() !== "";
  return (
    <>
      <div class="toolbar">
        <h1>Devices</h1>
        <output class="dim">
          {!areDevicesKnown.value && "so far "}
          {isFiltered ? `${countOf(found.length, "device")} of ${all.length}` : countOf(all.length, "device")}
        </output>
        <DeviceActions found={found} chosen={chosen} onDone={() => setChosen(NONE)} />
      </div>
      <DeviceFilters />
      <Mistakes of={mistakesInDevices(params, STATUSES)} />
      {!areDevicesKnown.value && all.length === 0 && <p role="status">Asking the server which devices there are …</p>}
      {areDevicesKnown.value && all.length === 0 && (
        <Empty title="No device is known yet">
          <FirstReading />.
          {may(Devices.method.registerDevice) && " A device can also be registered before its first one."}
        </Empty>
      )}
      {areDevicesKnown.value && all.length > 0 && found.length === 0 && (
        <Empty title="No such device">
          <button type="button" onClick={() => setParams(Object.fromEntries(FILTER_PARAMS.map((name) => [name, ""])))}>
            Show all {all.length}
          </button>
        </Empty>
      )}
      {found.length > 0 && (
        <div class="devices-table">
          <Table
            label="Devices"
            columns={DEVICE_COLUMNS}
            rows={found}
            rowKey={keyOf}
            sort={sort}
            onSort={(by) => setParams({ sort: by })}
            chosen={chosen}
            onChoose={setChosen}
            onOpen={({ deviceId }) => go(pathTo("devices", deviceId))}
            rowState={stateOf}
          />
        </div>
      )}
    </>
  );
}

function keyOf({ deviceId }: Device): string {
  return deviceId;
}

function stateOf({ status }: Device): string {
  return status;
}

/** By id. */
function useInOrder(present: ReadonlyMap<string, Device>): readonly Device[] {
  return useMemo(() => [...present.values()].sort((a, b) => (a.deviceId < b.deviceId ? -1 : 1)), [present]);
}

/** What changes the order of rows without changing a device. */
function changesWith(column: string): number {
  if (column === "seen") return lastSeenVersion.value;
  if (column === "battery") return batteryVersion.value;
  return column === "alerts" ? deviceAlertsVersion.value : 0;
}
