/** The newest readings of devices whose points are on other nodes, before devices are told with them. */
import type { SeriesRegistry } from "../model/series-registry.ts";
import { metricOfKey } from "../model/series-key.ts";
import type { DeviceRecord } from "./device-book.ts";
import type { DeviceSeries } from "./device-series.ts";

export interface LearnDeps {
  readonly registry: Pick<SeriesRegistry, "keyOf">;
  readonly series: Pick<DeviceSeries, "seriesOf">;
  /** Resolves once the newest points of these are known here; left out: they are anyway. */
  learn?(seriesIds: Uint32Array): Promise<void>;
}

/** A gateway whose devices have no tag of their own may have more: of the others what is known here is told. */
const SERIES_MAX = 10_000;

/** `isWhole`: of all of their series; otherwise of those of sensors that are registered. Never rejects. */
export async function learnReadings(
  records: Iterable<DeviceRecord>,
  isWhole: boolean,
  { registry, series, learn }: LearnDeps,
): Promise<void> {
  if (learn === undefined) return;
  const ids: number[] = [];
  for (const { index, stored } of records) {
    const metrics = isWhole ? undefined : new Set(stored?.sensors.map(({ metricName }) => metricName));
    if (metrics?.size === 0) continue;
    for (const id of series.seriesOf(index)) {
      if (ids.length >= SERIES_MAX) break;
      if (metrics?.has(metricOfKey(registry.keyOf(id))) !== false) ids.push(id);
    }
  }
  if (ids.length > 0) await learn(Uint32Array.from(ids)).catch(() => {});
}
