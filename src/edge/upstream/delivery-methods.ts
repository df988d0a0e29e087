/** What was forwarded, to where and from where, and asking for it again. */
import { type MessageInitShape } from "@bufbuild/protobuf";
import type { Scope } from "../../model/access.ts";
import { invalidField, WatchpostError } from "../../model/errors.ts";
import type {
  OriginDeliverySchema,
  ResendRequest,
  ResendResponseSchema,
  SequenceRangeSchema,
  SourceDeliverySchema,
  UpstreamDeliverySchema,
  UpstreamSettingsSchema,
} from "../../wire/gen/forwarding_pb.ts";
import { DataIngestion } from "../../wire/gen/ingestion_pb.ts";
import { droppedTimestamps } from "../../wire/dropped-times.ts";
import { unary, type MethodImpl } from "../../wire/service.ts";
import { timestampOfMs, timestampOfUs, usOfTimestamp } from "../../wire/timestamp.ts";
import type { SequenceRanges } from "../../model/sequence-ranges.ts";
import { NOTHING_COUNTED, type SourceCounts } from "./delivery-ledger.ts";
import { deliveryInScope } from "./scoped-delivery.ts";
import type { EventsStatus } from "./upstream-events.ts";
import type { Upstream } from "./upstream.ts";

export interface DeliveryDeps {
  /** Undefined: this node forwards nothing. */
  readonly upstream: Upstream | undefined;
  /** Of {@link upstream}. */
  readonly settings: MessageInitShape<typeof UpstreamSettingsSchema>;
  nodeId(): Promise<string>;
  /** Sources that are wholly in a scope. */
  wholeSources(scope: Scope): Promise<(source: string) => boolean>;
  /** The receiving half. */
  origins(): Promise<MessageInitShape<typeof OriginDeliverySchema>[]>;
}

/** Ranges that are told; a node that works has a handful. */
const RANGES_TOLD_MAX = 1_000;

export function deliveryMethods(deps: DeliveryDeps): MethodImpl[] {
  const { upstream, settings, nodeId, origins, wholeSources } = deps;
  return [
    unary(DataIngestion.method.getDelivery, async (_, { principal: { scope } }) => {
      const upstreams = upstream === undefined ? [] : [await upstreamDelivery(upstream, settings)];
      const delivery = { nodeId: await nodeId(), upstreams, origins: await origins() };
      return scope.isEverything ? delivery : deliveryInScope(delivery, await wholeSources(scope));
    }),
    unary(DataIngestion.method.resend, (request) => resend(request, upstream)),
  ];
}

async function resend(
  { upstream: name, from, to }: ResendRequest,
  upstream: Upstream | undefined,
): Promise<MessageInitShape<typeof ResendResponseSchema>> {
  if (upstream === undefined) {
    throw new WatchpostError("FAILED_PRECONDITION", "this node forwards nothing; set upstream.address first");
  }
  const known = upstream.options.address;
  if (name !== "" && name !== known) throw invalidField("upstream", name, JSON.stringify(known));
  const fromUs = from === undefined ? 0 : usOfTimestamp(from);
  const toUs = to === undefined ? Number.MAX_SAFE_INTEGER : usOfTimestamp(to);
  if (fromUs >= toUs) throw invalidField("from", new Date(fromUs / 1_000).toISOString(), "a time before to");
  const { ranges, points } = await upstream.resend(fromUs, toUs);
  return { queued: rangeMessages(ranges), points: BigInt(points) };
}

async function upstreamDelivery(
  upstream: Upstream,
  settings: DeliveryDeps["settings"],
): Promise<MessageInitShape<typeof UpstreamDeliverySchema>> {
  const status = await upstream.status();
  const { held, sources, queuedBySource, nextAttemptMs } = status;
  const names = [...new Set([...sources.keys(), ...queuedBySource.keys()])].sort();
  return {
    name: upstream.options.address,
    address: upstream.options.address,
    state: status.phase,
    stateSince: timestampOfMs(status.sinceMs),
    lastError: status.lastTrouble?.error ?? "",
    lastErrorStatus: status.lastTrouble?.status ?? "",
    settings,
    ...(nextAttemptMs !== null && { nextAttemptAt: timestampOfMs(nextAttemptMs) }),
    queued: rangeMessages(status.undelivered),
    queuedPoints: BigInt(status.queuedPoints),
    ...(held.points > 0 && { oldestQueuedTime: timestampOfUs(held.fromUs) }),
    pointsPerSecond: status.rate.points,
    bytesPerSecond: status.rate.bytes,
    sources: names.map((source) =>
      sourceDelivery(source, sources.get(source), queuedBySource.get(source)?.points ?? 0),
    ),
    ...(upstream.events && eventsDelivery(upstream.events)),
    nodeId: status.receiverId,
  };
}

function eventsDelivery({ queued, refused, lastRefusal, late, lateBecause }: EventsStatus) {
  return {
    ...{ queuedEvents: BigInt(queued), refusedEvents: BigInt(refused), lastRefusedEvent: lastRefusal },
    ...{ lateEvents: BigInt(late), lateEventsBecause: lateBecause },
  };
}

function sourceDelivery(
  source: string,
  counts: Readonly<SourceCounts> | undefined,
  queued: number,
): MessageInitShape<typeof SourceDeliverySchema> {
  const { acked, refused, dropped, droppedTimes, firstUs, lastUs, lastAckedMs } = counts ?? NOTHING_COUNTED;
  const [firstDroppedTime, lastDroppedTime] = droppedTimestamps(droppedTimes);
  return {
    source,
    ackedPoints: BigInt(acked),
    queuedPoints: BigInt(queued),
    droppedPoints: BigInt(dropped),
    refusedPoints: BigInt(refused),
    ...(firstUs <= lastUs && { firstTime: timestampOfUs(firstUs), lastTime: timestampOfUs(lastUs) }),
    ...(lastAckedMs > 0 && { lastAckedAt: timestampOfMs(lastAckedMs) }),
    ...(firstDroppedTime && { firstDroppedTime, lastDroppedTime }),
  };
}

function rangeMessages(ranges: SequenceRanges): MessageInitShape<typeof SequenceRangeSchema>[] {
  return ranges.slice(0, RANGES_TOLD_MAX).map(([from, to]) => ({ from: BigInt(from), to: BigInt(to) }));
}
