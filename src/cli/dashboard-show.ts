/** `watchpost dashboard show`. */
import { toJson } from "@bufbuild/protobuf";
import { Command } from "commander";
import { getDashboard } from "../client/saved-dashboards.ts";
import { SavedDashboardSchema } from "../wire/gen/saved_dashboards_pb.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { dashboardPage } from "./dashboard-text.ts";

export function dashboardShowCommand(): Command {
  return addServerOption(new Command("show"))
    .summary("what is on one")
    .description("Shows a dashboard: what it is for, its variables, and what each panel asks for.")
    .argument("<dashboard>", "its id, as watchpost dashboard list shows it")
    .option("--json", "all of it as a JSON line, with its revision")
    .action(show);
}

async function show(dashboardId: string, { server, json }: { server: string; json?: boolean }): Promise<void> {
  const connection = connectTo(server);
  try {
    const dashboard = await getDashboard(connection, dashboardId, { signal: interruptSignal() });
    if (json) console.log(JSON.stringify(toJson(SavedDashboardSchema, dashboard)));
    else process.stdout.write(dashboardPage(dashboard));
  } finally {
    connection.close();
  }
}
