/** What stands of the bridges in DataIngestion. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { BridgeStatusSchema, BridgeTopicStatusSchema } from "../../wire/gen/edge_pb.ts";
import { DataIngestion } from "../../wire/gen/ingestion_pb.ts";
import { unary, type MethodImpl } from "../../wire/service.ts";
import type { SparkplugStatus } from "../sparkplug/sparkplug-status.ts";
import type { Bridge } from "./bridge.ts";

export function bridgeMethods(bridges: readonly Bridge[]): MethodImpl[] {
  return [
    unary(DataIngestion.method.listBridges, async () => {
      const { sparkplugStatusOf } = await import("../sparkplug/sparkplug-status.ts");
      return { bridges: bridges.map((bridge) => statusOf(bridge, sparkplugStatusOf(bridge.handlers))) };
    }),
  ];
}

function statusOf(bridge: Bridge, sparkplug: SparkplugStatus): MessageInitShape<typeof BridgeStatusSchema> {
  const { settings, isConnected, sinceMs, lastError, lastErrorMs } = bridge;
  return {
    name: settings.name,
    url: settings.url.shown,
    connected: isConnected,
    since: timestampFromMs(sinceMs),
    connects: BigInt(bridge.connects),
    lastError,
    ...timeOf("lastErrorTime", lastErrorMs),
    inFlight: BigInt(bridge.inFlight),
    unmatched: BigInt(bridge.unmatched),
    topics: settings.topics.map((_, i) => topicOf(bridge, i)),
    ...sparkplug,
  };
}

function topicOf({ settings, counts }: Bridge, index: number): MessageInitShape<typeof BridgeTopicStatusSchema> {
  const { pattern, payload, status } = settings.topics[index];
  const count = counts[index];
  return {
    pattern: pattern.text,
    payload: status === undefined ? payload : "status",
    messages: BigInt(count.messages),
    points: BigInt(count.points),
    refused: BigInt(count.refused),
    malformed: BigInt(count.malformed),
    leftOut: countsOf(count.leftOut),
    malformedReasons: countsOf(count.malformedReasons),
    refusedReasons: countsOf(count.refusedReasons),
    ...timeOf("lastMessage", count.lastMessageMs),
    lastError: count.lastError,
    ...timeOf("lastErrorTime", count.lastErrorMs),
  };
}

function countsOf(counts: ReadonlyMap<string, number>): Record<string, bigint> {
  return Object.fromEntries([...counts].map(([reason, number]) => [reason, BigInt(number)]));
}

/** Missing where it is 0. */
function timeOf<N extends string>(name: N, ms: number) {
  return (ms === 0 ? {} : { [name]: timestampFromMs(ms) }) as Partial<Record<N, ReturnType<typeof timestampFromMs>>>;
}
