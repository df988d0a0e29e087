/** `watchpost rules delete`: rules by their names. */
import { Command } from "commander";
import pc from "picocolors";
import { deleteRule } from "../client/rules.ts";
import { WatchpostError, type StatusName } from "../model/errors.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { endedWords } from "./rules-plan.ts";
import { addUserOption, userOf } from "./user-flag.ts";
import { printable } from "./watch-table.ts";

/** What says nothing of the other rules. */
const OF_ONE: ReadonlySet<StatusName> = new Set(["NOT_FOUND", "FAILED_PRECONDITION"]);
const HELP = `
The alerts of a rule end with it. A rule that comes from the server's rules file is deleted there.

Examples:
  watchpost rules get press-hot > press-hot.yaml && watchpost rules delete press-hot
  watchpost rules delete press-hot press-cold`;

export function rulesDeleteCommand(): Command {
  return addUserOption(addServerOption(new Command("delete")))
    .summary("delete rules, and end their alerts")
    .description("Deletes rules, and ends their alerts.")
    .argument("<name...>", "names of rules")
    .addHelpText("after", HELP)
    .action(remove);
}

async function remove(names: string[], flags: { server: string; user?: string }): Promise<void> {
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  try {
    for (const name of new Set(names)) {
      try {
        const { ended } = await deleteRule(connection, name, { signal, userId: userOf(flags) });
        console.log(["deleted", printable(name), ...endedWords("ended", ended)].join("  "));
      } catch (error) {
        if (!(error instanceof WatchpostError && OF_ONE.has(error.status))) throw error;
        console.error(`${pc.red("error:")} ${error.message}`);
        process.exitCode = 1;
      }
    }
  } finally {
    connection.close();
  }
}
