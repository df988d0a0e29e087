/** `watchpost dashboard import`. */
import { equals } from "@bufbuild/protobuf";
import { Command } from "commander";
import pc from "picocolors";
import type { Connection } from "../client/connection.ts";
import { getDashboard, putDashboard } from "../client/saved-dashboards.ts";
import { WatchpostError } from "../model/errors.ts";
import { SavedDashboardSchema, type SavedDashboard } from "../wire/gen/saved_dashboards_pb.ts";
import { secondOf } from "./alert-text.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { portable, readDashboards } from "./dashboard-json.ts";
import { contentOf, nameOf } from "./read-rules.ts";
import { addUserOption, userOf } from "./user-flag.ts";
import { printable } from "./watch-table.ts";

const HELP = `
A file is one dashboard, a list of them, or an object with the list as "dashboards": what export writes. All of it is looked at
first; where something is wrong, or a dashboard is there already and is another, nothing is saved. --force replaces those.

Examples:
  watchpost dashboard import plant.json
  watchpost dashboard import dashboards.json --dry-run
  watchpost dashboard import dashboards.json --force`;

interface ImportFlags {
  server: string;
  user?: string;
  force?: boolean;
  dryRun?: boolean;
}

interface Planned {
  readonly dashboard: SavedDashboard;
  /** What is there under its id. */
  readonly before: SavedDashboard | undefined;
}

export function dashboardImportCommand(): Command {
  return addUserOption(addServerOption(new Command("import")))
    .summary("save those of a file")
    .description("Saves the dashboards of a JSON file.")
    .argument("<file>", "JSON; - is standard input")
    .option("--force", "replace dashboards that are there already")
    .option("--dry-run", "say what would be saved, and save nothing")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(file: string, flags: ImportFlags): Promise<void> {
  const { dashboards, problems } = readDashboards(new TextDecoder().decode(await contentOf(file)));
  if (problems.length > 0) return refuse(problems.map((problem) => `${nameOf(file)}: ${problem}`));
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  try {
    const planned: Planned[] = [];
    for (const dashboard of dashboards) {
      planned.push({ dashboard, before: await found(connection, dashboard.dashboardId, signal) });
    }
    const changes = planned.filter(({ dashboard, before }) => before === undefined || !isSame(dashboard, before));
    const taken = changes.flatMap(({ before }) => (before === undefined ? [] : [before]));
    if (taken.length > 0 && !flags.force) return refuse(taken.map(takenText));
    for (const { dashboard, before } of changes) {
      const [would, done] = before === undefined ? ["save", "saved"] : ["replace", "replaced"];
      if (flags.dryRun) console.log(`would ${would} ${dashboard.dashboardId}`);
      else {
        const request = { dashboard, revision: before?.revision ?? 0n, userId: userOf(flags) };
        const { revision } = await putDashboard(connection, request, { signal });
        console.log(`${done} ${dashboard.dashboardId} (revision ${revision})`);
      }
    }
    const same = planned.length - changes.length;
    if (same > 0) console.log(`${same} ${same === 1 ? "is" : "are"} there already as in the file`);
    if (planned.length === 0) console.log(`${nameOf(file)} has no dashboard`);
  } finally {
    connection.close();
  }
}

function takenText({ dashboardId, updatedBy, updatedAt }: SavedDashboard): string {
  return `${dashboardId} is there already and is another, saved by ${JSON.stringify(updatedBy)} at ${secondOf(updatedAt)}; --force replaces it`;
}

function refuse(problems: readonly string[]): void {
  for (const problem of problems) console.error(`${pc.red("error:")} ${printable(problem)}`);
  console.error("nothing was saved");
  process.exitCode = 1;
}

function isSame(dashboard: SavedDashboard, before: SavedDashboard): boolean {
  return equals(SavedDashboardSchema, dashboard, portable(before));
}

async function found(
  connection: Connection,
  dashboardId: string,
  signal: AbortSignal,
): Promise<SavedDashboard | undefined> {
  try {
    return await getDashboard(connection, dashboardId, { signal });
  } catch (error) {
    if (error instanceof WatchpostError && error.status === "NOT_FOUND") return undefined;
    throw error;
  }
}
