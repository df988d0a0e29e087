/** Points that are no BatchData message on their way to the disk: one call, one batch, durable when it resolves. */
import type { IncomingPoint, TakePoints } from "../model/incoming-point.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Intake } from "./intake.ts";
import type { MemoryBudget } from "./memory-budget.ts";

const REFUSED_MAX = 100;
/** What a point takes until its commit: its object, its row in the frame and in the record. */
const POINT_MEMORY_BYTES = 256;

export interface TakePointsDeps {
  readonly intake: Intake;
  readonly budget: MemoryBudget;
  readonly metrics: Pick<Metrics, "points">;
}

export function takePointsOf({ intake, budget, metrics }: TakePointsDeps): TakePoints {
  return async (points: readonly IncomingPoint[], { signal }) => {
    if (points.length === 0) return { kept: 0, refusedTotal: 0, refused: [] };
    const reservedBytes = points.length * POINT_MEMORY_BYTES;
    await budget.reserve(reservedBytes, { signal });
    try {
      const { kept, refusedTotal, refused, group } = intake.takePoints(points, REFUSED_MAX);
      await group?.done;
      metrics.points.inc({ result: "stored" }, kept);
      metrics.points.inc({ result: "refused" }, refusedTotal);
      return { kept, refusedTotal, refused: refused.map(({ index, reason }) => ({ index, reason })) };
    } finally {
      budget.release(reservedBytes);
    }
  };
}
