/** What ledgers of forwarding say of sources. Pure. */
import type { OriginDelivery, SourceDelivery as Counts } from "../../wire/gen/forwarding_pb.ts";
import { msOf } from "../format.ts";
import type { SourceDelivery } from "./gaps.ts";

/** By source. One that several nodes forward is as the one that it may still come over. */
export function deliveriesOf(origins: readonly OriginDelivery[]): Map<string, SourceDelivery> {
  const found = new Map<string, SourceDelivery>();
  for (const { originId, originName, lanes, committed, sources } of origins) {
    const way = { over: originName || originId, isConnected: lanes.length > 0, isBehind: committed.length > 1 };
    for (const each of sources) {
      const before = found.get(each.source);
      const isBetter = before === undefined || way.isBehind || (before.isConnected && !way.isConnected);
      found.set(each.source, { ...(isBetter ? way : before), ...droppedOf(each, before) });
    }
  }
  return found;
}

/** With what was dropped on another way. */
function droppedOf(
  { droppedPoints, firstDroppedTime, lastDroppedTime }: Counts,
  before: SourceDelivery | undefined,
): Pick<SourceDelivery, "dropped" | "droppedTimes"> {
  if (droppedPoints === 0n) return { dropped: before?.dropped ?? 0, droppedTimes: before?.droppedTimes };
  const dropped = Number(droppedPoints) + (before?.dropped ?? 0);
  const [fromMs, toMs] = [msOf(firstDroppedTime), msOf(lastDroppedTime)];
  const others =
    before === undefined || before.dropped === 0 ? { fromMs: Infinity, toMs: -Infinity } : before.droppedTimes;
  if (fromMs === undefined || toMs === undefined || others === undefined) return { dropped, droppedTimes: undefined };
  return { dropped, droppedTimes: { fromMs: Math.min(fromMs, others.fromMs), toMs: Math.max(toMs, others.toMs) } };
}
