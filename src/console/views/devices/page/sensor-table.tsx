import { useMemo, useState } from "preact/hooks";
import type { Sensor } from "../../../../wire/gen/devices_pb.ts";
import { globOfName } from "../../../../model/glob.ts";
import type { SensorValue } from "../../../data/device-detail.ts";
import { isOutside, validRangeText, valueText } from "../../../data/sensor-marks.ts";
import { countText } from "../../../format.ts";
import { Table, type Column } from "../../../parts/table.tsx";
import { Age } from "../../../parts/time.tsx";
import { addressOf } from "../../../route.ts";

interface SensorTableProps {
  readonly deviceId: string;
  readonly sensors: readonly Sensor[];
  readonly values: ReadonlyMap<string, SensorValue>;
}

interface Row {
  readonly sensor: Sensor;
  readonly last: SensorValue | undefined;
}

/** The schema, and what was measured last. */
export function SensorTable({ deviceId, sensors, values }: SensorTableProps) {
  const [sort, setSort] = useState("");
  const columns = useMemo(() => columnsOf(deviceId), [deviceId]);
  const rows = useMemo(
    () => sensors.map((sensor): Row => ({ sensor, last: values.get(sensor.metricName) })),
    [sensors, values],
  );
  const props = { label: "Sensors and their last values", columns, rows, sort, onSort: setSort };
  return <Table {...props} rowKey={({ sensor }) => sensor.metricName} />;
}

function columnsOf(device: string): Column<Row>[] {
  return [
    {
      ...{ name: "metric", label: "Metric" },
      cell: ({ sensor: { metricName: metric, description } }) => (
        <>
          <a
            class="ellipsis table-name"
            title={metric}
            href={addressOf("/explore", { metric, device: globOfName(device) })}
          >
            {metric}
          </a>
          {description !== "" && <span class="dim device-sensor"> {description}</span>}
        </>
      ),
      sortKey: ({ sensor }) => sensor.metricName,
    },
    {
      ...{ name: "value", label: "Last value", isNumber: true },
      cell: ({ sensor, last }) => <LastValue sensor={sensor} last={last} />,
      sortKey: ({ last }) => last?.value,
    },
    {
      ...{ name: "age", label: "Age", isNumber: true },
      cell: ({ last }) => <Age ms={last?.timeMs} />,
      sortKey: ({ last }) => last && -last.timeMs,
    },
    {
      ...{ name: "valid", label: "Valid", isMinor: true },
      cell: ({ sensor }) => (
        <>
          {validRangeText(sensor)} {sensor.outOfRange === "refuse" && <span class="dim">or refused</span>}
        </>
      ),
    },
    {
      ...{
        name: "outside",
        label: "Outside",
        isNumber: true,
        title: "Readings outside of the valid range since the server started",
      },
      cell: ({ sensor: { outOfRangeTotal: total, outOfRange } }) =>
        total === 0n ? (
          <span class="dim">0</span>
        ) : (
          <span class="devices-low">
            ⚠ {countText(total)} {outOfRange === "refuse" ? "refused" : "flagged"}
          </span>
        ),
      sortKey: ({ sensor }) => Number(sensor.outOfRangeTotal),
    },
  ];
}

function LastValue({ sensor, last }: Row) {
  if (last === undefined) return <span class="dim">–</span>;
  const isOut = isOutside(sensor, last.value);
  return (
    <span class={isOut ? "devices-low" : ""} title={isOut ? "Outside of the valid range" : undefined}>
      {isOut && "⚠ "}
      {valueText(sensor, last.value)} {sensor.unit}
    </span>
  );
}
