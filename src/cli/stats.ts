/** `watchpost stats`: what a server keeps and what that takes of its disk. */
import { timestampDate, type Timestamp } from "@bufbuild/protobuf/wkt";
import { Command } from "commander";
import { getStoreStats } from "../client/store-stats.ts";
import { formatByteSize } from "../model/byte-size.ts";
import { formatDurationMs } from "../model/duration.ts";
import type { GetStoreStatsResponse, ResolutionStats } from "../wire/gen/store_pb.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { textTable, type Column } from "./text-table.ts";

const HELP = `
Counts of points hold replaced values too. What was dropped and written counts from the server's start; sizes are KiB, MiB, GiB.
Of several nodes on one Redis it is the one that is asked.

Examples:
  watchpost stats
  watchpost stats --json | jq '.resolutions[0].bytes'`;

export function statsCommand(): Command {
  return addServerOption(new Command("stats"))
    .summary("tell what is kept and what it takes of the disk")
    .description("Tells what a server keeps: series, points, files, what that takes of its disk, and what has gone.")
    .option("--json", "one JSON object")
    .addHelpText("after", HELP)
    .action(stats);
}

async function stats(flags: { server: string; json?: boolean }): Promise<void> {
  const connection = connectTo(flags.server);
  try {
    const found = await getStoreStats(connection, { signal: interruptSignal() });
    process.stdout.write(flags.json ? `${JSON.stringify(plain(found), null, 2)}\n` : shown(found));
  } finally {
    connection.close();
  }
}

/** For scripts: numbers, ISO times, null where there is nothing or no limit. */
function plain(found: GetStoreStatsResponse): unknown {
  return {
    dataDirectory: found.dataDirectory,
    series: Number(found.series),
    headPoints: Number(found.headPoints),
    logBytes: Number(found.logBytes),
    resolutions: found.resolutions.map((kept) => ({
      resolutionMs: Number(kept.resolutionMs),
      files: Number(kept.files),
      blocks: Number(kept.blocks),
      points: Number(kept.points),
      bytes: Number(kept.bytes),
      from: isoOf(kept.from) ?? null,
      to: isoOf(kept.to) ?? null,
      ageLimitMs: Number(kept.ageLimitMs) || null,
    })),
    diskBytes: Number(found.diskBytes),
    diskBudgetBytes: Number(found.diskBudgetBytes) || null,
    diskFreeBytes: Number(found.diskFreeBytes),
    diskFreeFloorBytes: Number(found.diskFreeFloorBytes) || null,
    droppedPoints: Number(found.droppedPoints),
    droppedBytes: Number(found.droppedBytes),
    writtenBytes: Number(found.writtenBytes),
    writeAmplification: found.writeAmplification,
  };
}

function shown(found: GetStoreStatsResponse): string {
  const { writeAmplification } = found;
  const floor = found.diskFreeFloorBytes === 0n ? "" : `, at least ${size(found.diskFreeFloorBytes)} of it stay free`;
  const budget = found.diskBudgetBytes === 0n ? "no budget" : `of a budget of ${size(found.diskBudgetBytes)}`;
  const each = writeAmplification === 0 ? "" : `, ${writeAmplification.toFixed(1)} bytes for each that was sealed`;
  const dropped = found.droppedPoints === 0n ? "nothing" : `${count(found.droppedPoints)} points`;
  const lines: [string, string][] = [
    ["Data", found.dataDirectory],
    ["Series", count(found.series)],
    ["Unsealed", `${count(found.headPoints)} points, ${size(found.logBytes)} of log`],
    ["Disk", `${size(found.diskBytes)}, ${budget}; ${size(found.diskFreeBytes)} free${floor}`],
    ["Written", `${size(found.writtenBytes)}${each}`],
    ["Dropped", found.droppedBytes === 0n ? dropped : `${dropped}, ${size(found.droppedBytes)}`],
  ];
  const width = Math.max(...lines.map(([title]) => title.length));
  const text = lines.map(([title, value]) => `${title.padEnd(width)}  ${value}\n`).join("");
  return `${text}\n${textTable(COLUMNS, found.resolutions)}`;
}

const COLUMNS: Column<ResolutionStats>[] = [
  { title: "KEPT", cell: ({ resolutionMs }) => (resolutionMs === 0n ? "raw" : formatDurationMs(Number(resolutionMs))) },
  { title: "POINTS", right: true, cell: ({ points }) => count(points) },
  { title: "SIZE", right: true, cell: ({ bytes }) => size(bytes) },
  { title: "FILES", right: true, cell: ({ files }) => count(files) },
  { title: "BLOCKS", right: true, cell: ({ blocks }) => count(blocks) },
  { title: "FROM", cell: ({ from }) => isoOf(from) ?? "-" },
  { title: "TO", cell: ({ to }) => isoOf(to) ?? "-" },
  { title: "FOR", cell: ({ ageLimitMs }) => (ageLimitMs === 0n ? "ever" : formatDurationMs(Number(ageLimitMs))) },
];

function isoOf(time: Timestamp | undefined): string | undefined {
  return time === undefined ? undefined : timestampDate(time).toISOString();
}

function size(bytes: bigint): string {
  return formatByteSize(Number(bytes));
}

function count(number: bigint): string {
  return number.toLocaleString("en-US");
}
