/** `watchpost status`: how a server stands, once or live. */
import { toJson } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { Command } from "commander";
import pc from "picocolors";
import { watchStatus } from "../client/server.ts";
import { formatByteSize } from "../model/byte-size.ts";
import { formatRoughDurationMs } from "../model/duration.ts";
import { ServerStatusSchema, type ServerStatus } from "../wire/gen/server_pb.ts";
import { secondOf } from "./alert-text.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { counted } from "./counted.ts";
import { openScreen } from "./live-screen.ts";
import { printable } from "./watch-table.ts";

const INTERVAL_MS = 1_000;
const HELP = `
Ends with code 1 where something is wrong, as for monitoring; with --watch until Ctrl-C. Rates are of the last ten seconds, lags and
refusals of the last minute. "reading" is from the time a reading was taken to its being durable here. A token with a scope is told of
that alone, after a second in which its points are counted.

Examples:
  watchpost status
  watchpost status --json | jq -r '.problems[]?.text'`;

interface StatusFlags {
  server: string;
  watch?: boolean;
  json?: boolean;
}

export function statusCommand(): Command {
  return addServerOption(new Command("status"))
    .summary("tell how a server stands: rates, lag, disk, problems")
    .description("Tells how a server stands: what comes in and how late, what is refused, its disk, what is wrong.")
    .option("--watch", "live, until Ctrl-C")
    .option("--json", "one JSON object; with --watch a line each second")
    .addHelpText("after", HELP)
    .action(status);
}

async function status({ server, watch, json }: StatusFlags): Promise<void> {
  const signal = interruptSignal();
  const connection = connectTo(server);
  let last: ServerStatus | undefined;
  const isScreen = watch && !json && process.stdout.isTTY === true;
  const screen = isScreen ? openScreen(() => (last === undefined ? "" : statusText(last))) : undefined;
  try {
    for await (const told of watchStatus(connection, INTERVAL_MS, { signal })) {
      const isFirst = last === undefined;
      last = told;
      // Points in a scope are counted from when somebody asks.
      if (isFirst && !watch && told.scope !== "") continue;
      if (json) process.stdout.write(`${JSON.stringify(toJson(ServerStatusSchema, told), null, watch ? 0 : 2)}\n`);
      else if (!isScreen) process.stdout.write(statusText(told));
      if (!watch) break;
    }
  } finally {
    screen?.close();
    connection.close();
  }
  if (!watch && (last?.problems.length ?? 0) > 0) process.exitCode = 1;
}

/** Lines for people. */
export function statusText(status: ServerStatus): string {
  return status.scope === "" ? serverText(status) : linesText(partLines(status));
}

/** Of whoever sees a part. */
function partLines(status: ServerStatus): [string, string][] {
  return [
    ["Scope", printable(status.scope)],
    ["Comes in", `${rate(status.pointsPerS)} points/s`],
    ["Known", knownText(status)],
  ];
}

function serverText(status: ServerStatus): string {
  const { time, startedAt, version, commit, lag, refused, problems, diskBudgetBytes } = status;
  const upMs = time && startedAt ? timestampMs(time) - timestampMs(startedAt) : 0;
  const ofBudget = diskBudgetBytes === 0n ? "" : ` of a budget of ${size(diskBudgetBytes)}`;
  const refusals = refused.map(({ reason, total, lastMinute }) => `${lastMinute} of ${total} ${printable(reason)}`);
  const streams = `${counted(status.uploadStreams, "stream")} in, ${counted(status.liveStreams, "stream")} out`;
  const lines: [string, string][] = [
    ["Version", `${printable(version)} (${printable(commit)}), up for ${formatRoughDurationMs(Math.max(1, upMs))}`],
    ["Comes in", `${rate(status.pointsPerS)} points/s in ${rate(status.batchesPerS)} batches/s; ${streams}`],
    ["Stored", `${counted(status.pointsTotal, "point")} since the start`],
    [
      "Lag",
      `reading ${ms(lag?.readingP50Ms)}, 99 % ${ms(lag?.readingP99Ms)}; commit ${ms(lag?.commitP50Ms)}, 99 % ${ms(lag?.commitP99Ms)}`,
    ],
    ["Refused", refusals.length === 0 ? "nothing" : `in the last minute ${refusals.join(", ")}`],
    ["Known", knownText(status)],
    ["Disk", `${size(status.diskBytes)}${ofBudget}; ${size(status.diskFreeBytes)} free`],
    ["Memory", size(status.residentMemoryBytes)],
    ...slowLine(status),
    ...logLine(status),
  ];
  return `${linesText(lines)}${problems.map(({ text }) => `${pc.red("Problem")}  ${printable(text)}\n`).join("")}`;
}

/** Nothing where nobody waits. */
function slowLine({ slowReaders, slowCalls }: ServerStatus): [string, string][] {
  const said = [
    ...(slowReaders > 0 ? [`${counted(slowReaders, "reader")} behind`] : []),
    ...(slowCalls > 0 ? [`${counted(slowCalls, "call")} took long in the last minute`] : []),
  ];
  return said.length === 0 ? [] : [["Slow", `${said.join(", ")}; see watchpost slow`]];
}

function logLine({ logLevel, logLevelUntil }: ServerStatus): [string, string][] {
  return logLevelUntil === undefined ? [] : [["Log", `${printable(logLevel)} until ${secondOf(logLevelUntil)}`]];
}

function linesText(lines: readonly [string, string][]): string {
  const width = Math.max(...lines.map(([title]) => title.length));
  return lines.map(([title, value]) => `${title.padEnd(width)}  ${value}\n`).join("");
}

function knownText(status: ServerStatus): string {
  return `${counted(status.devices, "device")}${byStatus(status)}, ${status.series.toLocaleString("en-US")} series`;
}

/** " (3 online, 1 offline)". */
function byStatus({ devicesByStatus }: ServerStatus): string {
  const found = Object.entries(devicesByStatus).filter(([, count]) => count > 0n);
  const words = found.map(([name, count]) => `${count} ${printable(name.replace("_", " "))}`);
  return words.length === 0 ? "" : ` (${words.join(", ")})`;
}

function rate(perS: number): string {
  return perS.toLocaleString("en-US", { maximumFractionDigits: perS < 10 ? 1 : 0 });
}

function ms(value = 0): string {
  return value === 0 ? "-" : formatRoughDurationMs(Math.max(1, value));
}

function size(bytes: bigint): string {
  return formatByteSize(Number(bytes));
}
