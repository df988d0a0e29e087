/** Devices as they are told: what is stored of them, how they stand, and what is seen in the data. */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { SeesSeries } from "../model/series-scopes.ts";
import { metricOfKey, sourceOfKey } from "../model/series-key.ts";
import { SensorSchema, type Device, type Sensor } from "../wire/gen/devices_pb.ts";
import type { DeviceRecord } from "./device-book.ts";
import { NEVER_SEEN, withStanding } from "./device-documents.ts";
import { SENSORS_MAX } from "./device-input.ts";
import type { DeviceSeries } from "./device-series.ts";
import { foundDevice } from "./devices.ts";
import type { DeviceStatuses } from "./status/device-statuses.ts";

export interface LatestPoint {
  readonly timeUs: number;
  readonly value: number;
}

export interface MessageDeps {
  readonly registry: SeriesRegistry;
  readonly series: DeviceSeries;
  readonly statuses: DeviceStatuses;
  /** The newest point of a series by event time. */
  valueOf(seriesId: number): LatestPoint | undefined;
  /** Resolves once {@link valueOf} knows what other nodes know of these; left out: it does. */
  learn?(seriesIds: Uint32Array): Promise<void>;
  /** Readings of a series outside of its sensor's valid range. */
  outsideOf(seriesId: number): number;
}

const SOURCES_MAX = 10;
const OLD_ALONE = "its readings were too old when they came to be a sign of life";
/** A gateway whose devices have no tag of their own may have a hundred thousand. */
const SERIES_READ_MAX = 10_000;

/** Without sensors that are seen in the data alone where `isWhole` is false. Readings and sources are those of series that are seen. */
export function messageOf(record: DeviceRecord, isWhole: boolean, deps: MessageDeps, sees: SeesSeries): Device {
  const device = withStanding({ ...(record.stored ?? foundDevice(record)) }, record.standing);
  const { seenMs, lateAfterMs, offlineAfterMs, gapP95Ms } = deps.statuses.statusOf(record.index);
  if (seenMs > 0) device.lastSeen = timestampFromMs(Math.floor(seenMs));
  if (seenMs > 0 && device.status === NEVER_SEEN.status) device.statusReason = OLD_ALONE;
  device.effectiveLateAfterMs = BigInt(Math.round(lateAfterMs));
  device.effectiveOfflineAfterMs = BigInt(Math.round(offlineAfterMs));
  device.gapP95Ms = BigInt(Math.round(gapP95Ms));
  seeInData(device, record, isWhole, deps, sees);
  return device;
}

function seeInData(device: Device, record: DeviceRecord, isWhole: boolean, deps: MessageDeps, sees: SeesSeries): void {
  const sensors = new Map(device.sensors.map((sensor): [string, Sensor] => [sensor.metricName, { ...sensor }]));
  const seenUs = new Map<string, number>();
  const sources = new Set<string>();
  let read = 0;
  for (const seriesId of deps.series.seriesOf(record.index)) {
    if (++read > SERIES_READ_MAX) break;
    if (!sees(seriesId)) continue;
    const key = deps.registry.keyOf(seriesId);
    if (sources.size < SOURCES_MAX) sources.add(sourceOfKey(key));
    const metric = metricOfKey(key);
    let sensor = sensors.get(metric);
    if (sensor === undefined) {
      if (!isWhole || sensors.size >= SENSORS_MAX) continue;
      sensors.set(metric, (sensor = create(SensorSchema, { metricName: metric })));
    }
    sensor.outOfRangeTotal += BigInt(deps.outsideOf(seriesId));
    const latest = deps.valueOf(seriesId);
    if (latest === undefined || latest.timeUs <= (seenUs.get(metric) ?? -1)) continue;
    seenUs.set(metric, latest.timeUs);
    sensor.lastTime = timestampFromMs(Math.floor(latest.timeUs / 1_000));
    sensor.lastValue = latest.value;
  }
  device.sensors = [...sensors.values()];
  device.sources = [...sources].sort();
}
