/** `watchpost dashboard list`. */
import { toJson } from "@bufbuild/protobuf";
import { Command } from "commander";
import { allDashboards } from "../client/saved-dashboards.ts";
import { SavedDashboardSchema } from "../wire/gen/saved_dashboards_pb.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { dashboardTable } from "./dashboard-text.ts";

export function dashboardListCommand(): Command {
  return addServerOption(new Command("list"))
    .summary("which there are")
    .description("Lists the dashboards that are kept on the server.")
    .option("--json", "a JSON line for every dashboard, without panels and variables")
    .action(list);
}

async function list({ server, json }: { server: string; json?: boolean }): Promise<void> {
  const connection = connectTo(server);
  try {
    const found = await Array.fromAsync(allDashboards(connection, { signal: interruptSignal() }));
    if (json) {
      for (const one of found) process.stdout.write(`${JSON.stringify(toJson(SavedDashboardSchema, one))}\n`);
      return;
    }
    if (found.length === 0)
      return console.log("no dashboard is saved; watchpost dashboard import brings one, and so does the console");
    for (const line of dashboardTable(found, Date.now())) console.log(line);
  } finally {
    connection.close();
  }
}
