/** `watchpost mqtt status`: how each broker and each topic pattern stands. */
import { timestampDate, timestampMs, type Timestamp } from "@bufbuild/protobuf/wkt";
import { Command } from "commander";
import pc from "picocolors";
import { listBridges } from "../client/bridges.ts";
import { formatRoughDurationMs } from "../model/duration.ts";
import type { BridgeStatus, BridgeTopicStatus } from "../wire/gen/edge_pb.ts";
import { oneLine } from "./alert-text.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { plainNodes, sparkplugText } from "./sparkplug-table.ts";
import { textTable, type Column } from "./text-table.ts";
import { printable } from "./watch-table.ts";

const HELP = `
Counts are since the start of the server. REFUSED are points that may not be stored, BAD messages that gave nothing though they
should have, OTHER what needs not be a point: a message that the broker kept from before ("retained"), or one without a number.
Below the table stands why, by kind and with counts, and the last reason in full.

Sparkplug edge nodes stand below, with how often their births were asked for, why the last time, and the readings (UNNAMED) whose
aliases no birth told; see docs/sparkplug.md.

Examples:
  watchpost mqtt status
  watchpost mqtt status --json | jq '.[] | select(.connected | not) | .lastError'`;

export function mqttStatusCommand(): Command {
  return addServerOption(new Command("status"))
    .summary("how each broker and topic pattern stands")
    .description("Shows each broker's connection, and for each topic pattern what came.")
    .option("--json", "a JSON list")
    .addHelpText("after", HELP)
    .action(status);
}

async function status(flags: { server: string; json?: boolean }): Promise<void> {
  const connection = connectTo(flags.server);
  try {
    const bridges = await listBridges(connection, { signal: interruptSignal() });
    if (flags.json) process.stdout.write(`${JSON.stringify(bridges.map(plain), null, 2)}\n`);
    else if (bridges.length === 0) console.log("no MQTT broker is configured: see docs/mqtt.md");
    else process.stdout.write(bridges.map((bridge) => bridgeText(bridge, Date.now())).join("\n"));
  } finally {
    connection.close();
  }
}

/** For scripts: numbers, ISO times, null where there is nothing. */
function plain(bridge: BridgeStatus): unknown {
  const { name, url, connected, connects, lastError, inFlight, unmatched, topics } = bridge;
  return {
    name,
    url,
    connected,
    since: isoOf(bridge.since),
    connects: Number(connects),
    lastError: lastError || null,
    lastErrorTime: isoOf(bridge.lastErrorTime),
    inFlight: Number(inFlight),
    unmatched: Number(unmatched),
    topics: topics.map((topic) => ({
      pattern: topic.pattern,
      payload: topic.payload,
      messages: Number(topic.messages),
      points: Number(topic.points),
      refused: Number(topic.refused),
      malformed: Number(topic.malformed),
      leftOut: numbersOf(topic.leftOut),
      malformedReasons: numbersOf(topic.malformedReasons),
      refusedReasons: numbersOf(topic.refusedReasons),
      lastMessage: isoOf(topic.lastMessage),
      lastError: topic.lastError || null,
      lastErrorTime: isoOf(topic.lastErrorTime),
    })),
    sparkplugNodes: plainNodes(bridge),
  };
}

/** Lines about the connection, a table of its patterns, and why messages gave nothing. */
export function bridgeText(bridge: BridgeStatus, nowMs: number): string {
  const { name, url, connected, lastError, inFlight, unmatched, topics } = bridge;
  const since = bridge.since === undefined ? "" : ` for ${ago(bridge.since, nowMs)}`;
  const state = connected ? pc.green(`connected${since}`) : pc.red(`not connected${since}`);
  const waiting = inFlight === 0n ? "" : `, ${count(inFlight)} in flight`;
  const strays = unmatched === 0n ? "" : `, ${count(unmatched)} that no pattern takes`;
  const wrong = lastError === "" ? "" : `  ${connected ? "last trouble" : "because"}: ${told(lastError)}\n`;
  const below = topics.map((topic) => reasonsText(topic, nowMs));
  const table = textTable(columns(nowMs), topics);
  return `${pc.bold(name)}  ${url}  ${state}${waiting}${strays}\n${wrong}${table}${below.join("")}${sparkplugText(bridge, nowMs)}`;
}

/** Why messages of a pattern gave nothing; "" where there is nothing to be said. */
function reasonsText(topic: BridgeTopicStatus, nowMs: number): string {
  const { pattern, malformedReasons, refusedReasons, leftOut, lastError, lastErrorTime } = topic;
  const kinds = [
    ["bad", malformedReasons],
    ["refused", refusedReasons],
    ["other", leftOut],
  ] as const;
  const lines = kinds.flatMap(([kind, counts]) => {
    const reasons = Object.entries(counts).sort(([, a], [, b]) => Number(b - a));
    const words = reasons.map(([reason, times]) => `${told(reason)} (${count(times)})`);
    return words.length === 0 ? [] : [`${kind}: ${words.join(", ")}`];
  });
  const at = lastErrorTime === undefined ? "" : `, ${ago(lastErrorTime, nowMs)} ago`;
  if (lastError !== "") lines.push(`the last${at}: ${told(lastError)}`);
  if (lines.length === 0) return "";
  return `  ${printable(pattern)}\n${lines.map((line) => `    ${line}\n`).join("")}`;
}

function columns(nowMs: number): Column<BridgeTopicStatus>[] {
  return [
    { title: "PATTERN", cell: ({ pattern }) => printable(pattern) },
    { title: "AS", cell: ({ payload }) => payload },
    { title: "MESSAGES", right: true, cell: ({ messages }) => count(messages) },
    { title: "POINTS", right: true, cell: ({ points }) => count(points) },
    { title: "REFUSED", right: true, cell: ({ refused }) => count(refused) },
    { title: "BAD", right: true, cell: ({ malformed }) => count(malformed) },
    {
      title: "OTHER",
      right: true,
      cell: ({ leftOut }) => count(Object.values(leftOut).reduce((sum, n) => sum + n, 0n)),
    },
    { title: "LAST", right: true, cell: ({ lastMessage }) => (lastMessage ? `${ago(lastMessage, nowMs)} ago` : "-") },
  ];
}

function numbersOf(counts: Readonly<Record<string, bigint>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).map(([reason, times]) => [reason, Number(times)]));
}

function told(text: string): string {
  return printable(oneLine(text));
}

/** Whole seconds. */
function ago(time: Timestamp, nowMs: number): string {
  return formatRoughDurationMs(Math.max(0, Math.floor((nowMs - timestampMs(time)) / 1_000)) * 1_000);
}

function isoOf(time: Timestamp | undefined): string | null {
  return time === undefined ? null : timestampDate(time).toISOString();
}

function count(number: bigint): string {
  return number.toLocaleString("en-US");
}
