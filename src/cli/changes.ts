/** `watchpost changes`: what happened to alerts, devices, rules and all else that is no point. */
import { toJson } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { Command, Option } from "commander";
import { allChanges, followChanges } from "../client/server.ts";
import { ChangeSchema, type Change } from "../wire/gen/server_pb.ts";
import { collect } from "./collect.ts";
import { addServerOption, connectTo, integerArgument, interruptSignal, retryTeller } from "./client-flags.ts";
import { printable } from "./watch-table.ts";

const SHOWN_MAX = 50;
const FIRST_SHOWN = 10;
const LIMIT_MAX = 1_000_000;
const HELP = `
Kinds are alert, device, rule, silence, session, issue, annotation and dashboard. As far back as the journal is kept.

Examples:
  watchpost changes
  watchpost changes --kind device --kind alert --watch
  watchpost changes --limit 1000 --json | jq -r 'select(.userId == "ann") | .text'`;

interface ChangesFlags {
  server: string;
  kind: string[];
  limit: number;
  watch?: boolean;
  json?: boolean;
}

export function changesCommand(): Command {
  return addServerOption(new Command("changes"))
    .summary("what happened lately, and live what does")
    .description("Tells what happened to alerts, devices, rules and all else that is no point, the last one first.")
    .addOption(
      new Option("--kind <kind>", "of this kind; repeated: of any of them").argParser(collect).default([], "all"),
    )
    .option("--limit <count>", "how many", integerArgument(1, LIMIT_MAX), SHOWN_MAX)
    .addOption(new Option("--watch", `the last ${FIRST_SHOWN}, then live, until Ctrl-C`).conflicts("limit"))
    .option("--json", "a JSON line for each")
    .addHelpText("after", HELP)
    .action(changes);
}

async function changes({ server, kind, limit, watch, json }: ChangesFlags): Promise<void> {
  const signal = interruptSignal();
  const connection = connectTo(server);
  const tell = (change: Change) => process.stdout.write(`${json ? jsonOf(change) : changeLine(change)}\n`);
  try {
    if (watch) {
      const options = { signal, onRetry: retryTeller(server) };
      for await (const change of followChanges(connection, { kinds: kind, last: FIRST_SHOWN }, options)) tell(change);
      return;
    }
    let told = 0;
    for await (const change of allChanges(connection, kind, { signal, limitMax: limit + 1 })) {
      if (told++ < limit) tell(change);
    }
    if (json) return;
    if (told === 0) console.log(kind.length > 0 ? "nothing of that kind has happened yet" : "nothing has happened yet");
    if (told > limit) console.log(`the last ${limit}; --limit shows more`);
  } finally {
    connection.close();
  }
}

/** "2026-01-01T00:00:00.000Z  alert  ann: Acknowledged: Pressure too high". */
export function changeLine({ time, kind, userId, text }: Change): string {
  const at = time === undefined ? "-" : timestampDate(time).toISOString();
  return `${at}  ${kind.padEnd(10)}  ${userId === "" ? "" : `${printable(userId)}: `}${printable(text)}`;
}

function jsonOf(change: Change): string {
  return JSON.stringify(toJson(ChangeSchema, change));
}
