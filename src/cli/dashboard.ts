/** `watchpost dashboard`: dashboards that are kept on the server. */
import { Command } from "commander";
import { dashboardDeleteCommand } from "./dashboard-delete.ts";
import { dashboardExportCommand } from "./dashboard-export.ts";
import { dashboardImportCommand } from "./dashboard-import.ts";
import { dashboardListCommand } from "./dashboard-list.ts";
import { dashboardShowCommand } from "./dashboard-show.ts";

const HELP = `
They are looked at and edited in the console, at the server's HTTP address; see docs/dashboards.md.

Examples:
  watchpost dashboard list
  watchpost dashboard show plant
  watchpost dashboard export plant -o plant.json
  watchpost dashboard import plant.json --server other:50051
  watchpost dashboard delete plant`;

export function dashboardCommand(): Command {
  return new Command("dashboard")
    .summary("saved dashboards: list, show, export, import, delete")
    .description("Lists dashboards that are kept on the server, and takes them from one server to another.")
    .addCommand(dashboardListCommand())
    .addCommand(dashboardShowCommand())
    .addCommand(dashboardExportCommand())
    .addCommand(dashboardImportCommand())
    .addCommand(dashboardDeleteCommand())
    .addHelpText("after", HELP);
}
