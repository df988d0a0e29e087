/** The receiving half of the delivery ledger, as it is told. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { OriginDeliverySchema, SourceDeliverySchema } from "../../wire/gen/forwarding_pb.ts";
import { timestampOfMs, timestampOfUs } from "../../wire/timestamp.ts";
import type { DeliveredBySource } from "./delivered.ts";
import type { Origins } from "./origins.ts";

/** By source. */
export function sourceDeliveries(bySource: DeliveredBySource): MessageInitShape<typeof SourceDeliverySchema>[] {
  const inOrder = [...bySource].sort(([a], [b]) => (a < b ? -1 : 1));
  return inOrder.map(([source, { points, refused, dropped, firstUs, lastUs }]) => ({
    source,
    ackedPoints: BigInt(points),
    refusedPoints: BigInt(refused),
    droppedPoints: BigInt(dropped),
    ...(firstUs <= lastUs && { firstTime: timestampOfUs(firstUs), lastTime: timestampOfUs(lastUs) }),
  }));
}

/** Of all nodes that have forwarded to this one. */
export async function originDeliveries(origins: Origins): Promise<MessageInitShape<typeof OriginDeliverySchema>[]> {
  return (await origins.all()).map(({ id, name, streams, lastSeenMs, committed, delivered }) => ({
    originId: id,
    originName: name,
    lanes: [...streams].map(({ lane }) => lane).sort(),
    ...(lastSeenMs > 0 && { lastSeen: timestampOfMs(lastSeenMs) }),
    committed: committed.map(([from, to]) => ({ from: BigInt(from), to: BigInt(to) })),
    sources: sourceDeliveries(delivered),
  }));
}
