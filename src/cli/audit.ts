/** `watchpost audit`: what operators and admins have changed. */
import { toJson } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { Command } from "commander";
import { allDeeds } from "../client/access.ts";
import { DeedSchema, type Deed } from "../wire/gen/access_pb.ts";
import { addServerOption, connectTo, integerArgument, interruptSignal } from "./client-flags.ts";
import { printable } from "./watch-table.ts";

const SHOWN_MAX = 50;
const LIMIT_MAX = 1_000_000;
const HELP = `
Who did it, from which address, what was called, and what was asked. As far back as the journal is kept. An admin's,
for everything.

Examples:
  watchpost audit
  watchpost audit --name ann --action '*/DeleteSeries'
  watchpost audit --limit 1000 --json | jq -r 'select(.address != "127.0.0.1") | .name'`;

interface AuditFlags {
  server: string;
  name: string;
  action: string;
  limit: number;
  json?: boolean;
}

export function auditCommand(): Command {
  return addServerOption(new Command("audit"))
    .summary("who changed what, and from where")
    .description("Tells what operators and admins have changed, the last one first.")
    .option("--name <name>", "done by that one alone", "")
    .option("--action <glob>", "calls of that name alone", "")
    .option("--limit <count>", "how many", integerArgument(1, LIMIT_MAX), SHOWN_MAX)
    .option("--json", "a JSON line for each")
    .addHelpText("after", HELP)
    .action(audit);
}

async function audit({ server, name, action, limit, json }: AuditFlags): Promise<void> {
  const connection = connectTo(server);
  try {
    let told = 0;
    for await (const deed of allDeeds(connection, { name, action }, { signal: interruptSignal() })) {
      if (told++ === limit) break;
      process.stdout.write(`${json ? JSON.stringify(toJson(DeedSchema, deed)) : deedLine(deed)}\n`);
    }
    if (json) return;
    const isPart = name !== "" || action !== "";
    const none = isPart
      ? "nothing of that is in the journal; without --name and --action all of it is told"
      : "nobody has changed anything that the journal still knows of";
    if (told === 0) console.log(none);
    if (told > limit) console.log(`the last ${limit}; --limit shows more`);
  } finally {
    connection.close();
  }
}

/** "2026-01-01T00:00:00.000Z  ann  10.0.0.9  Alerts/AcknowledgeAlert  {…}". */
function deedLine({ time, name, address, action, request }: Deed): string {
  const at = time === undefined ? "-" : timestampDate(time).toISOString();
  const call = action.replace(/^analytics\./, "");
  return `${at}  ${printable(name)}  ${address || "-"}  ${call}  ${printable(request)}`.trimEnd();
}
