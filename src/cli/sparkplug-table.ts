/** Sparkplug edge nodes as text for people: pure; names come from the wire and are shown without what steers a terminal. */
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { BridgeStatus, SparkplugNodeStatus } from "../wire/gen/edge_pb.ts";
import { ago, oneLine } from "./alert-text.ts";
import { textTable } from "./text-table.ts";
import { printable } from "./watch-table.ts";

/** The nodes of a broker; "" where no pattern of it is Sparkplug. */
export function sparkplugText({ sparkplugNodes, sparkplugNodesTotal }: BridgeStatus, nowMs: number): string {
  const more = Number(sparkplugNodesTotal) - sparkplugNodes.length;
  const others = more > 0 ? `and ${more.toLocaleString("en-US")} more edge nodes\n` : "";
  return `${sparkplugTable(sparkplugNodes, nowMs)}${others}`;
}

/** For scripts: numbers, ISO times, null where there is nothing. */
export function plainNodes({ sparkplugNodes }: BridgeStatus): object[] {
  return sparkplugNodes.map(({ $typeName: _, lastDoubt, lastMessage, ...node }) => ({
    ...Object.fromEntries(
      Object.entries(node).map(([key, value]) => [key, typeof value === "bigint" ? Number(value) : value]),
    ),
    lastDoubt: lastDoubt || null,
    lastMessage: lastMessage === undefined ? null : timestampDate(lastMessage).toISOString(),
  }));
}

/** A line for titles and one a node, in the order given; "" for none. */
export function sparkplugTable(nodes: readonly SparkplugNodeStatus[], nowMs: number): string {
  return textTable(
    [
      { title: "EDGE NODE", cell: ({ group, node }: SparkplugNodeStatus) => printable(`${group}/${node}`) },
      { title: "STATE", cell: ({ state }) => printable(state) },
      { title: "DEVICES", right: true, cell: ({ devices }) => String(devices) },
      { title: "METRICS", right: true, cell: ({ metrics }) => String(metrics) },
      { title: "BIRTHS", right: true, cell: ({ births }) => String(births) },
      { title: "DEATHS", right: true, cell: ({ deaths }) => String(deaths) },
      { title: "GAPS", right: true, cell: ({ gaps }) => String(gaps) },
      { title: "REBIRTHS ASKED", right: true, cell: ({ rebirthRequests }) => String(rebirthRequests) },
      { title: "POINTS", right: true, cell: ({ points }) => points.toLocaleString("en-US") },
      { title: "UNNAMED", right: true, cell: ({ unnamed }) => unnamed.toLocaleString("en-US") },
      { title: "LAST", cell: ({ lastMessage }) => ago(lastMessage, nowMs) },
      { title: "BECAUSE OF", cell: ({ lastDoubt }) => oneLine(lastDoubt) || "-" },
    ],
    nodes,
  );
}
