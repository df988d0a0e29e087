/** `watchpost nodes`: who shares a Redis, and how each of them stands. */
import { toJson } from "@bufbuild/protobuf";
import { Command } from "commander";
import pc from "picocolors";
import { listNodes } from "../client/nodes.ts";
import { formatByteSize } from "../model/byte-size.ts";
import { formatRoughDurationMs } from "../model/duration.ts";
import { ListNodesResponseSchema, type ListNodesResponse, type Node, type RecentWindow } from "../wire/gen/nodes_pb.ts";
import { oneLine } from "./alert-text.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { textTable, type Column } from "./text-table.ts";
import { printable } from "./watch-table.ts";

const HELP = `
The one with * is the one that answers. The desk runs alerts, devices, sessions and saved dashboards for all nodes. SERIES are those
that a node has points of, POINTS/S what came to the node itself in the last ten seconds, RULES those that it evaluates. JOURNAL
BEHIND are entries of what operators have written that are not on a node's disk yet. Nodes that are gone are listed for a week. See
docs/nodes.md.

Examples:
  watchpost nodes
  watchpost nodes --json | jq -r '.nodes[] | select(.state == "gone").name'`;

export function nodesCommand(): Command {
  return addServerOption(new Command("nodes"))
    .summary("which nodes share the server's Redis, and how they stand")
    .description("Lists the nodes that share a Redis, as the server that is asked knows them.")
    .option("--json", "a JSON object")
    .addHelpText("after", HELP)
    .action(nodes);
}

async function nodes({ server, json }: { server: string; json?: boolean }): Promise<void> {
  const connection = connectTo(server);
  try {
    const answer = await listNodes(connection, { signal: interruptSignal() });
    if (json) return console.log(JSON.stringify(toJson(ListNodesResponseSchema, answer), null, 2));
    process.stdout.write(nodesText(answer, Date.now()));
  } finally {
    connection.close();
  }
}

/** A table, and what is wrong with their Redis. */
export function nodesText(answer: ListNodesResponse, nowMs: number): string {
  const { nodes: listed, redisTrouble, redisAwaySinceMs, recent } = answer;
  const [titles, ...lines] = textTable(columns(nowMs), listed).split("\n");
  const troubles = listed
    .filter(({ trouble }) => trouble !== "")
    .map(({ trouble }) => `${printable(oneLine(trouble))}\n`);
  const rows = [pc.bold(titles), ...lines].join("\n");
  const table = rows + troubles.map((trouble) => pc.red(trouble)).join("") + recentText(recent, nowMs);
  if (redisTrouble === "") return table;
  const since = new Date(Number(redisAwaySinceMs)).toISOString().slice(0, 19);
  const why = printable(oneLine(redisTrouble));
  return `${table}${pc.red("Redis is away")} since ${since}Z: ${why}. Nodes are as they were then.\n`;
}

function recentText(recent: RecentWindow | undefined, nowMs: number): string {
  if (recent === undefined || recent.fromMs === 0n) return "";
  const { fromMs, bytes, budgetBytes, dropped } = recent;
  const size = `${formatByteSize(Number(bytes))} of ${formatByteSize(Number(budgetBytes))}`;
  const gone = dropped === 0n ? "" : `; ${dropped.toLocaleString("en-US")} slices had to go before their time`;
  return `In Redis for when a node is down: points of the last ${ago(fromMs, nowMs)}, ${size}${gone}\n`;
}

function columns(nowMs: number): Column<Node>[] {
  const ofLive = (cell: (node: Node) => string) => (node: Node) => (node.state === "gone" ? "-" : cell(node));
  return [
    { title: "NAME", cell: ({ name, isThis }) => printable(name) + (isThis ? " *" : "") },
    { title: "STATE", cell: ({ state, seenAtMs }) => (state === "gone" ? `gone for ${ago(seenAtMs, nowMs)}` : state) },
    { title: "ROLE", cell: ({ isDesk }) => (isDesk ? "desk" : "") },
    { title: "ADDRESS", cell: ({ address }) => printable(address) || "-" },
    { title: "VERSION", cell: ({ version }) => printable(version) },
    { title: "UP", right: true, cell: ofLive(({ startedAtMs }) => ago(startedAtMs, nowMs)) },
    { title: "SERIES", right: true, cell: ({ series }) => series.toLocaleString("en-US") },
    { title: "POINTS/S", right: true, cell: ofLive(({ pointsPerSecond }) => rate(pointsPerSecond)) },
    { title: "RULES", right: true, cell: ofLive(({ rules }) => rules.toLocaleString("en-US")) },
    { title: "JOURNAL BEHIND", right: true, cell: ({ journalBehind }) => journalBehind.toLocaleString("en-US") },
  ];
}

function rate(perS: number): string {
  return perS.toLocaleString("en-US", { maximumFractionDigits: perS < 10 ? 1 : 0 });
}

/** Whole seconds. */
function ago(atMs: bigint, nowMs: number): string {
  return formatRoughDurationMs(Math.max(0, Math.floor((nowMs - Number(atMs)) / 1_000)) * 1_000);
}
