/** How it stands with a broker's Sparkplug edge nodes, as messages. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { BridgeStatusSchema, SparkplugNodeStatusSchema } from "../../wire/gen/edge_pb.ts";
import type { TopicHandler } from "../mqtt/topic-handler.ts";
import type { EdgeNode } from "./edge-node.ts";
import { SparkplugHandler } from "./sparkplug-handler.ts";

/** Nodes that are told of; all are counted. */
const NODES_TOLD_MAX = 1_000;

export type SparkplugStatus = Pick<
  MessageInitShape<typeof BridgeStatusSchema>,
  "sparkplugNodes" | "sparkplugNodesTotal"
>;

/** Of those handlers of a broker that are Sparkplug hosts; nothing where none is. */
export function sparkplugStatusOf(handlers: readonly TopicHandler[]): SparkplugStatus {
  const host = handlers.find((handler) => handler instanceof SparkplugHandler)?.host;
  if (host === undefined) return {};
  const nodes = [...host.nodes.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  return {
    sparkplugNodes: nodes.slice(0, NODES_TOLD_MAX).map(statusOf),
    sparkplugNodesTotal: BigInt(nodes.length),
  };
}

function statusOf(node: EdgeNode): MessageInitShape<typeof SparkplugNodeStatusSchema> {
  return {
    group: node.group,
    node: node.id,
    state: node.state,
    devices: node.state === "alive" ? node.devices.size : 0,
    metrics: node.metrics,
    births: BigInt(node.births),
    deaths: BigInt(node.deaths),
    staleDeaths: BigInt(node.staleDeaths),
    gaps: BigInt(node.gaps),
    rebirthRequests: BigInt(node.rebirthsAsked),
    lastDoubt: node.lastDoubt ?? "",
    messages: BigInt(node.messages),
    points: BigInt(node.points),
    historical: BigInt(node.historical),
    unnamed: BigInt(node.unnamed),
    lastMessage: timestampFromMs(node.lastMessageMs),
  };
}
