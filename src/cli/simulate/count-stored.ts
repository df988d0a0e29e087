/** How many readings of a fleet a server has: asked of it, not reckoned. */
import type { CallOptions, Connection } from "../../client/connection.ts";
import { streamRange } from "../../client/query.ts";
import { identityOf, type Fleet } from "../../simulate/fleet.ts";
import { BATTERY } from "../../simulate/profile.ts";
import { MatchOperator, RangeFunction } from "../../wire/gen/history_pb.ts";
import { timestampOfUs } from "../../wire/timestamp.ts";

/** The largest step there is: its counts are read from the indexes of the store for the most part. */
const COUNT_STEP_MS = 400n * 86_400_000n;

export interface Stored {
  readonly readings: number;
  /** Some of it could not be read. */
  readonly isDamaged: boolean;
}

/** Of times from `firstUs` to `lastUs`, both included. Metric by metric and series by series, so it may be many. */
export async function countStored(
  connection: Connection,
  fleets: readonly Fleet[],
  { firstUs, lastUs }: { readonly firstUs: number; readonly lastUs: number },
  options: CallOptions,
): Promise<Stored> {
  let readings = 0;
  let isDamaged = false;
  if (firstUs > lastUs) return { readings, isDamaged };
  for (const fleet of fleets) {
    const { name, profile, devices } = fleet;
    const own = new Set<string>();
    for (let i = 0; i < devices; i++) own.add(keyOf(identityOf(fleet, i)));
    for (const { metric } of [...profile.sensors, BATTERY]) {
      const request = {
        metric,
        matchers: [{ key: "source", operator: MatchOperator.GLOB, value: `${name}-*` }],
        from: timestampOfUs(firstUs),
        to: timestampOfUs(lastUs + 1),
        stepMs: COUNT_STEP_MS,
        function: RangeFunction.COUNT,
      };
      for await (const part of streamRange(connection, request, options)) {
        isDamaged ||= part.damaged || part.partial;
        for (const series of part.series) {
          if (own.has(keyOf(series))) readings += series.values.reduce((sum, count) => sum + count, 0);
        }
      }
    }
  }
  return { readings, isDamaged };
}

function keyOf({ device, source }: { readonly device: string; readonly source: string }): string {
  return `${source}\0${device}`;
}
