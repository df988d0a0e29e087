/** `watchpost dashboard delete`. */
import { Command } from "commander";
import pc from "picocolors";
import { deleteDashboard } from "../client/saved-dashboards.ts";
import { WatchpostError } from "../model/errors.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { addUserOption, userOf } from "./user-flag.ts";
import { printable } from "./watch-table.ts";

export function dashboardDeleteCommand(): Command {
  return addUserOption(addServerOption(new Command("delete")))
    .summary("delete dashboards")
    .description("Deletes dashboards for everybody; watchpost dashboard export keeps them in a file before.")
    .argument("<dashboard...>", "ids, as watchpost dashboard list shows them")
    .action(remove);
}

/** One that is not there is said, and the others go on; exit code 1 then. */
async function remove(ids: readonly string[], flags: { server: string; user?: string }): Promise<void> {
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  try {
    for (const dashboardId of new Set(ids)) {
      try {
        await deleteDashboard(connection, { dashboardId, userId: userOf(flags) }, { signal });
        console.log(`deleted ${printable(dashboardId)}`);
      } catch (error) {
        if (!(error instanceof WatchpostError) || error.status !== "NOT_FOUND") throw error;
        console.error(`${pc.red("error:")} ${printable(error.message)}`);
        process.exitCode = 1;
      }
    }
  } finally {
    connection.close();
  }
}
