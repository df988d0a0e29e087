import { useMemo, useState } from "preact/hooks";
import type { Device, Sensor } from "../../../../wire/gen/devices_pb.ts";
import { Chart } from "../../../charts/chart.tsx";
import type { PlotEpisode, PlotThreshold, Severity } from "../../../charts/plot-model.ts";
import { globOfName } from "../../../../model/glob.ts";
import { alertBook, alertsVersion } from "../../../data/alerts.ts";
import { pastAlerts } from "../../../data/device-context.ts";
import { usePolled } from "../../../data/polled.ts";
import type { SensorValue } from "../../../data/device-detail.ts";
import { episodeOf, thresholdsOf, valueText } from "../../../data/sensor-marks.ts";
import { countOf, countText } from "../../../format.ts";
import { Empty } from "../../../parts/empty.tsx";
import { route, setParams } from "../../../route.ts";
import { SensorTable } from "./sensor-table.tsx";

const RANGES: readonly (readonly [name: string, ms: number])[] = [
  ["15m", 900_000],
  ["1h", 3_600_000],
  ["6h", 21_600_000],
  ["24h", 86_400_000],
  ["7d", 604_800_000],
];
const CHARTS_SHOWN = 12;
const CHART_PX = 150;
const READ_EVERY_MS = 30_000;

interface SensorsProps {
  readonly device: Device;
  readonly values: ReadonlyMap<string, SensorValue>;
  readonly isRead: boolean;
}

/** A chart a sensor, with its valid range, what fired and what was noted on it; and their last values. */
export function Sensors({ device, values, isRead }: SensorsProps) {
  const { deviceId } = device;
  const range = RANGES.find(([name]) => name === route.value.params.get("range")) ?? RANGES[0];
  const [shown, setShown] = useState(CHARTS_SHOWN);
  const sensors = useMemo(() => sensorsOf(device, values), [device, values.size]);
  const episodes = useEpisodes(deviceId);
  if (isRead && sensors.length === 0) {
    return (
      <Empty title="It has sent nothing yet">
        Its sensors appear with their first readings: points with the tag <code>device={deviceId}</code>.
      </Empty>
    );
  }
  return (
    <section aria-label="Sensors">
      <div class="toolbar">
        <h2>{countOf(sensors.length, "sensor")}</h2>
        <div class="segments push" role="group" aria-label="Range of the charts">
          {RANGES.map(([name]) => (
            <button
              type="button"
              key={name}
              aria-pressed={name === range[0]}
              onClick={() => setParams({ range: name === RANGES[0][0] ? "" : name })}
            >
              {name}
            </button>
          ))}
        </div>
      </div>
      <div class="device-charts">
        {sensors.slice(0, shown).map((sensor) => (
          <SensorChart
            key={sensor.metricName}
            {...{ deviceId, sensor, episodes, rangeMs: range[1] }}
            last={values.get(sensor.metricName)}
          />
        ))}
      </div>
      {sensors.length > shown && (
        <button type="button" onClick={() => setShown((before) => before + CHARTS_SHOWN)}>
          {countText(sensors.length - shown)} more sensors
        </button>
      )}
      <SensorTable deviceId={deviceId} sensors={sensors} values={values} />
    </section>
  );
}

interface SensorChartProps {
  readonly deviceId: string;
  readonly sensor: Sensor;
  readonly rangeMs: number;
  readonly episodes: readonly (PlotEpisode & { readonly metric: string })[];
  readonly last: SensorValue | undefined;
}

function SensorChart({ deviceId, sensor, rangeMs, episodes, last }: SensorChartProps) {
  const { metricName: metric } = sensor;
  const isHere = (each: { readonly metric: string }) => each.metric === "" || each.metric === metric;
  const query = useMemo(
    () => ({ metric, filters: { device: globOfName(deviceId) }, range: { lastMs: rangeMs } }),
    [metric, deviceId, rangeMs],
  );
  const overlays = useMemo(
    () => ({
      thresholds: thresholdsOf(sensor) as PlotThreshold[],
      episodes: episodes.filter(isHere),
    }),
    [sensor, episodes],
  );
  return (
    <Chart
      {...{ query, ...overlays, heightPx: CHART_PX, unit: sensor.unit, label: metric }}
      title={last === undefined ? metric : `${metric}  ${valueText(sensor, last.value)}`}
      syncKey={`device ${deviceId}`}
      hasLegend={(last?.series ?? 0) > 1}
    />
  );
}

/** Registered ones, and those that were seen in the data since. */
function sensorsOf({ sensors }: Device, values: ReadonlyMap<string, SensorValue>): Sensor[] {
  const known = new Set(sensors.map(({ metricName }) => metricName));
  const found = [...values.keys()].filter((metric) => !known.has(metric)).map((metricName) => bareSensor(metricName));
  return [...sensors, ...found].sort((a, b) => (a.metricName < b.metricName ? -1 : 1));
}

function bareSensor(metricName: string): Sensor {
  return { metricName, unit: "", outOfRange: "", description: "", outOfRangeTotal: 0n } as Sensor;
}

/** What fires about the device, and what did. */
function useEpisodes(deviceId: string) {
  const active = alertsVersion.value >= 0 ? alertBook.active.filter(({ device }) => device === deviceId) : [];
  const key = active.map(({ id }) => id).join();
  const { value: past } = usePolled((options) => pastAlerts(deviceId, options), {
    ...{ everyMs: READ_EVERY_MS, key: deviceId, inputs: [key] },
  });
  return useMemo(
    () => [...active.map(({ alert }) => alert), ...(past?.items ?? [])].map(episodeOf),
    [key, past],
  ) as (PlotEpisode & { readonly metric: string; readonly severity: Severity })[];
}
