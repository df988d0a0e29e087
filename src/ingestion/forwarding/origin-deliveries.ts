/** The receiving half of the delivery ledger, as it is told, and what takes a node off it. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { OriginDeliverySchema, SourceDeliverySchema } from "../../wire/gen/forwarding_pb.ts";
import { DataIngestion } from "../../wire/gen/ingestion_pb.ts";
import { droppedTimestamps } from "../../wire/dropped-times.ts";
import { unary, type MethodImpl } from "../../wire/service.ts";
import { timestampOfMs, timestampOfUs } from "../../wire/timestamp.ts";
import type { DeliveredBySource } from "./delivered.ts";
import { ownerIn } from "./origin-owner.ts";
import { checkForgettable, type Origin, type Origins } from "./origins.ts";

/** The last of them; a node that works has a handful. */
const RANGES_TOLD_MAX = 1_000;

/** By source. */
export function sourceDeliveries(bySource: DeliveredBySource): MessageInitShape<typeof SourceDeliverySchema>[] {
  const inOrder = [...bySource].sort(([a], [b]) => (a < b ? -1 : 1));
  return inOrder.map(([source, { points, refused, dropped, droppedTimes, firstUs, lastUs }]) => {
    const [firstDroppedTime, lastDroppedTime] = droppedTimestamps(droppedTimes);
    return {
      source,
      ackedPoints: BigInt(points),
      refusedPoints: BigInt(refused),
      droppedPoints: BigInt(dropped),
      ...(firstUs <= lastUs && { firstTime: timestampOfUs(firstUs), lastTime: timestampOfUs(lastUs) }),
      ...(firstDroppedTime && { firstDroppedTime, lastDroppedTime }),
    };
  });
}

/** Of all nodes that have forwarded to this one. */
export async function originDeliveries(origins: Origins): Promise<MessageInitShape<typeof OriginDeliverySchema>[]> {
  return (await origins.all()).map(originDelivery);
}

/** Gives a node to whom it is brought by from now on. */
export function handOverOriginMethod(origins: Origins): MethodImpl {
  return unary(DataIngestion.method.handOverOrigin, async ({ origin: idOrName, to, via }) => {
    const owner = ownerIn({ to, via });
    const origin = await origins.find(idOrName);
    await origins.handOver(origin, owner);
    return { origin: originDelivery(origin) };
  });
}

/** Takes a node off the ledger that forwards here no more. */
export function forgetOriginMethod(origins: Origins): MethodImpl {
  return unary(DataIngestion.method.forgetOrigin, async ({ origin: idOrName, dryRun }) => {
    const origin = await origins.find(idOrName);
    const forgotten = originDelivery(origin);
    if (dryRun) checkForgettable(origin);
    else await origins.forget(origin);
    const over = (await origins.over(origin.id)).map(({ id, name }) => ({ originId: id, originName: name }));
    return { origin: forgotten, over };
  });
}

function originDelivery(origin: Origin): MessageInitShape<typeof OriginDeliverySchema> {
  const { id, name, owner, streams, lastSeenMs, committed, delivered } = origin;
  return {
    originId: id,
    originName: name,
    ...(owner && { owner: owner.name, ownerVia: owner.via }),
    lanes: [...streams].map(({ lane }) => lane).sort(),
    ...(lastSeenMs > 0 && { lastSeen: timestampOfMs(lastSeenMs) }),
    committed: committed.slice(-RANGES_TOLD_MAX).map(([from, to]) => ({ from: BigInt(from), to: BigInt(to) })),
    sources: sourceDeliveries(delivered),
  };
}
