/** What ledgers of forwarding say of sources. Pure. */
import type { OriginDelivery } from "../../wire/gen/forwarding_pb.ts";
import type { SourceDelivery } from "./gaps.ts";

/** By source. One that several nodes forward is as the one that it may still come over. */
export function deliveriesOf(origins: readonly OriginDelivery[]): Map<string, SourceDelivery> {
  const found = new Map<string, SourceDelivery>();
  for (const { originId, originName, lanes, committed, sources } of origins) {
    const way = { over: originName || originId, isConnected: lanes.length > 0, isBehind: committed.length > 1 };
    for (const { source, droppedPoints } of sources) {
      const before = found.get(source);
      const dropped = Number(droppedPoints) + (before?.dropped ?? 0);
      const isBetter = before === undefined || way.isBehind || (before.isConnected && !way.isConnected);
      found.set(source, { ...(isBetter ? way : before), dropped });
    }
  }
  return found;
}
