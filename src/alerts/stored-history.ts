/** What is stored of the series that rules look back at. */
import { messageOf } from "../model/errors.ts";
import { OPEN_END_US } from "../store/protocol.ts";
import type { StoreClient } from "../store/store-client.ts";
import type { Clock } from "../model/clock.ts";
import type { HourlyHistory } from "./seasonal-profiles.ts";
import type { History } from "./warm-up.ts";

/** Of some series together: more than that, and their conditions begin with nothing. */
const POINTS_MAX = 5_000_000;
const NOTHING = { timesUs: new Float64Array(), values: new Float64Array() };
const DAY_MS = 86_400_000;
const HOUR_US = 3_600_000_000;
/** Points are counted by the day. */
const DAYS_COUNTED = 2;

export function storedHistory(
  store: Pick<StoreClient, "range" | "extents">,
  clock: Clock,
  onTrouble: (sentence: string) => void,
): History & HourlyHistory {
  return {
    async hours(seriesIds, fromUs, toUs) {
      const range = { seriesIds, fromUs, toUs, stepUs: HOUR_US, pointsMax: POINTS_MAX };
      const [averages, minima, maxima, counts] = await Promise.all(
        (["avg", "min", "max", "count"] as const).map((func) => store.range({ ...range, func })),
      );
      const offsets = new Uint32Array(seriesIds.length + 1);
      for (const [i, slot] of averages.slots.entries()) {
        offsets[slot + 1] = averages.offsets[i + 1] - averages.offsets[i];
      }
      for (let slot = 0; slot < seriesIds.length; slot++) offsets[slot + 1] += offsets[slot];
      const deviations = averages.values.map((_, i) => {
        return deviationOfRange(maxima.values[i] - minima.values[i], counts.values[i]);
      });
      return { offsets, timesUs: averages.timesUs, values: averages.values, deviations };
    },
    async pointsFrom(seriesIds, fromUs, asOfS) {
      const offsets = new Uint32Array(seriesIds.length + 1);
      try {
        const query = { seriesIds, fromUs, toUs: OPEN_END_US, stepUs: 0, pointsMax: POINTS_MAX };
        const {
          slots,
          offsets: of,
          timesUs,
          values,
        } = await store.range(asOfS === undefined ? query : { ...query, asOfS });
        for (const [i, slot] of slots.entries()) offsets[slot + 1] = of[i + 1] - of[i];
        for (let slot = 0; slot < seriesIds.length; slot++) offsets[slot + 1] += offsets[slot];
        return { offsets, timesUs, values };
      } catch (error) {
        onTrouble(`${seriesIds.length} series begin without their past: ${messageOf(error)}`);
        return { ...NOTHING, offsets };
      }
    },
    firstTimes: (seriesIds) => store.extents(seriesIds),
    async usualGapsMs(seriesIds, firstsUs) {
      const gapsMs = new Float64Array(seriesIds.length).fill(NaN);
      const nowMs = clock.nowMs();
      const toMs = Math.ceil(nowMs / DAY_MS) * DAY_MS;
      const days = { fromUs: (toMs - DAYS_COUNTED * DAY_MS) * 1_000, toUs: toMs * 1_000, stepUs: DAY_MS * 1_000 };
      try {
        const query = { seriesIds, ...days, func: "count", pointsMax: POINTS_MAX } as const;
        const { slots, offsets, timesUs, values } = await store.range(query);
        for (const [i, slot] of slots.entries()) {
          // The day in which they were closer: in the other one there may have been none for a while.
          for (let at = offsets[i]; at < offsets[i + 1]; at++) {
            const dayMs = timesUs[at] / 1_000;
            const spanMs = Math.min(dayMs + DAY_MS, nowMs) - Math.max(dayMs, firstsUs[slot] / 1_000);
            const gapMs = spanMs / values[at];
            if (values[at] > 1 && gapMs > 0 && !(gapMs >= gapsMs[slot])) gapsMs[slot] = gapMs;
          }
        }
      } catch (error) {
        onTrouble(`of ${seriesIds.length} series it is not known how far apart their points are: ${messageOf(error)}`);
      }
      return gapsMs;
    },
  };
}

/** Of normal samples the range grows with the root of the logarithm of their number; exact rollups know no squares. */
function deviationOfRange(range: number, count: number): number {
  return count < 2 ? 0 : range / Math.max(1.128, 2 * Math.sqrt(2 * Math.log(count)) - 1);
}
