/** `watchpost dashboard export`. */
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { Command } from "commander";
import { allDashboards, getDashboard } from "../client/saved-dashboards.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { dashboardFile } from "./dashboard-json.ts";
import { STDOUT } from "./export-target.ts";

const HELP = `
One dashboard is a JSON object, several are a list of them. Without ids it is all that there are. Revisions are left out: they are
those of the server.

Examples:
  watchpost dashboard export plant -o plant.json
  watchpost dashboard export -o dashboards.json
  watchpost dashboard export plant | jq '.title = "Plant 2" | .dashboardId = "plant-2"' | watchpost dashboard import -`;

interface ExportFlags {
  server: string;
  output: string;
  force?: boolean;
}

export function dashboardExportCommand(): Command {
  return addServerOption(new Command("export"))
    .summary("write them as JSON")
    .description("Writes dashboards as JSON, which watchpost dashboard import reads.")
    .argument("[dashboard...]", "ids, as watchpost dashboard list shows them (default: all)")
    .option("-o, --output <file>", "where to; - is standard output", STDOUT)
    .option("--force", "replace the file if it is there")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(named: readonly string[], { server, output, force }: ExportFlags): Promise<void> {
  if (output !== STDOUT && force !== true && existsSync(output)) {
    throw new WatchpostError("FAILED_PRECONDITION", `${output} is there already; --force replaces it`);
  }
  const signal = interruptSignal();
  const connection = connectTo(server);
  try {
    const ids = named.length > 0 ? new Set(named) : new Set<string>();
    if (named.length === 0)
      for await (const { dashboardId } of allDashboards(connection, { signal })) ids.add(dashboardId);
    const dashboards = [];
    for (const id of ids) dashboards.push(await getDashboard(connection, id, { signal }));
    const text = dashboardFile(dashboards, named.length === 0 || dashboards.length > 1);
    if (output === STDOUT) return void process.stdout.write(text);
    write(output, text);
    console.error(`${output}: ${dashboards.length} ${dashboards.length === 1 ? "dashboard" : "dashboards"}`);
  } finally {
    connection.close();
  }
}

/** Whole or not at all. */
function write(file: string, text: string): void {
  const unfinished = `${file}.unfinished`;
  try {
    writeFileSync(unfinished, text);
    renameSync(unfinished, file);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw new WatchpostError("FAILED_PRECONDITION", `${file} cannot be written: ${messageOf(error)}`);
  }
}
