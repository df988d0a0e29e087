/** `watchpost delete`: series and all their points, after a question. */
import { Command } from "commander";
import pc from "picocolors";
import { deleteSeries } from "../client/catalog.ts";
import { WatchpostError } from "../model/errors.ts";
import type { DeleteSeriesResponse } from "../wire/gen/store_pb.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { confirmed } from "./confirmed.ts";
import { addMatcherOption, type MatcherInit } from "./filter-flag.ts";
import { printable } from "./watch-table.ts";

const HELP = `
Says first what would go, and asks. What is deleted cannot be brought back; points that come later make new series. Of several nodes it goes
from all that have it; one that is down is named, deletes it once it is back, and the exit code is 1.

Examples:
  watchpost delete 'test_*' --dry-run
  watchpost delete '*' --filter device=pump-7
  watchpost delete 'temperature_*' --filter source=old-gateway --filter 'site!=north' --yes`;

interface DeleteFlags {
  server: string;
  filter?: MatcherInit[];
  dryRun?: boolean;
  yes?: boolean;
}

export function deleteCommand(): Command {
  return addMatcherOption(addServerOption(new Command("delete")))
    .summary("delete series and all their points")
    .description("Deletes series and all their points, for good.")
    .argument("<metric>", "metric name or glob")
    .option("--dry-run", "only say what would go")
    .option("--yes", "do not ask")
    .addHelpText("after", HELP)
    .action(remove);
}

async function remove(metric: string, flags: DeleteFlags): Promise<void> {
  const asks = !flags.yes && !flags.dryRun;
  if (asks && process.stdin.isTTY !== true) {
    const message = "there is no terminal to ask whether to delete; say --yes to delete without asking, or --dry-run";
    throw new WatchpostError("FAILED_PRECONDITION", message);
  }
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  const request = { metric, matchers: flags.filter ?? [] };
  try {
    if (!flags.yes) {
      const found = await deleteSeries(connection, { ...request, dryRun: true }, { signal });
      console.log(`${counted(found)}:\n${examplesOf(found)}`);
      if (flags.dryRun) return;
      if (!(await confirmed(`Delete ${counted(found)} and all their points? [y/N] `, signal))) {
        console.log("nothing was deleted");
        process.exitCode = 1;
        return;
      }
    }
    const deleted = await deleteSeries(connection, request, { signal });
    console.log(`deleted ${counted(deleted)}`);
    for (const { node, series, error } of deleted.nodes) {
      if (error === "") continue;
      process.exitCode = 1;
      const left = series.toLocaleString("en-US");
      console.error(pc.yellow(`left on the node ${printable(node)}: ${left} series (${printable(error)})`));
    }
  } finally {
    connection.close();
  }
}

function counted({ series }: DeleteSeriesResponse): string {
  return `${series.toLocaleString("en-US")} series`;
}

function examplesOf({ series, examples }: DeleteSeriesResponse): string {
  const lines = examples.map((example) => `  ${printable(example)}`);
  if (series > examples.length)
    lines.push(`  … and ${(series - BigInt(examples.length)).toLocaleString("en-US")} more`);
  return lines.join("\n");
}
