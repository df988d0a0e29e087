/** `watchpost slow`: who waits for the server, and for whom the server waits. */
import { toJson } from "@bufbuild/protobuf";
import { Command } from "commander";
import pc from "picocolors";
import { ask } from "../client/ask.ts";
import { formatRoughDurationMs } from "../model/duration.ts";
import { ListSlowResponseSchema, Server, type ListSlowResponse } from "../wire/gen/server_pb.ts";
import { secondOf } from "./alert-text.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { textTable } from "./text-table.ts";
import { printable } from "./watch-table.ts";

const HELP = `
A call took long from slow.call on (1s), without what its reader took; a reader is behind that has not taken what there is for it
for slow.reader (5s). Both are in the log as well. Calls are the last ones of this run of the server, at most 50; readers are those of open
streams that are or were behind. POINTS are what the store read one by one.

Examples:
  watchpost slow
  watchpost slow --json | jq -r '.calls[] | "\\(.durationMs) \\(.principal) \\(.request)"'`;

interface SlowFlags {
  server: string;
  json?: boolean;
}

export function slowCommand(): Command {
  return addServerOption(new Command("slow"))
    .summary("name calls that took long, and readers that are behind")
    .description(
      "Names the calls that took long and the readers that do not keep up: who, from where, and what they ask for.",
    )
    .option("--json", "one JSON object")
    .addHelpText("after", HELP)
    .action(slow);
}

async function slow({ server, json }: SlowFlags): Promise<void> {
  const connection = connectTo(server);
  try {
    const told = await ask(connection, Server.method.listSlow, {}, { signal: interruptSignal() });
    process.stdout.write(json ? `${JSON.stringify(toJson(ListSlowResponseSchema, told), null, 2)}\n` : slowText(told));
  } finally {
    connection.close();
  }
}

/** Tables for people. */
export function slowText({ calls, readers, readersTotal }: ListSlowResponse): string {
  const left = Number(readersTotal) - readers.length;
  const readersTable = textTable(
    [
      { title: "BEHIND", right: true, cell: ({ behindMs }) => ms(behindMs) },
      { title: "MOST", right: true, cell: ({ behindMsMax }) => ms(behindMsMax) },
      { title: "OPEN SINCE", cell: ({ openedAt }) => (openedAt ? secondOf(openedAt) : "") },
      { title: "WHO", cell: ({ principal }) => printable(principal) },
      { title: "FROM", cell: ({ address }) => printable(address) },
      { title: "METHOD", cell: ({ method }) => shortName(method) },
      { title: "FOR", cell: ({ request }) => printable(request) },
    ],
    readers,
  );
  const callsTable = textTable(
    [
      { title: "TOOK", right: true, cell: ({ durationMs }) => ms(durationMs) },
      { title: "SERIES", right: true, cell: ({ series }) => count(series) },
      { title: "POINTS", right: true, cell: ({ pointsRead }) => count(pointsRead) },
      { title: "ENDED", cell: ({ endedAt }) => (endedAt ? secondOf(endedAt) : "") },
      { title: "STATUS", cell: ({ status }) => status },
      { title: "WHO", cell: ({ principal }) => printable(principal) },
      { title: "FROM", cell: ({ address }) => printable(address) },
      { title: "METHOD", cell: ({ method }) => shortName(method) },
      { title: "FOR", cell: ({ request }) => printable(request) },
    ],
    calls,
  );
  return [
    `${pc.bold("Readers")}\n${readersTable || "none is behind\n"}`,
    left > 0 ? `and ${left} more\n` : "",
    `\n${pc.bold("Calls")}\n${callsTable || "none took long\n"}`,
  ].join("");
}

function ms(value: bigint): string {
  return value === 0n ? "-" : formatRoughDurationMs(Number(value));
}

function count(value: bigint): string {
  return value === 0n ? "-" : value.toLocaleString("en-US");
}

function shortName(method: string): string {
  return printable(method.replace(/^analytics\./, ""));
}
