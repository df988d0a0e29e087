/** `watchpost assign`: an alert is somebody's. */
import { Command } from "commander";
import { addActionOptions, toAlerts, type ActionFlags } from "./alert-action.ts";
import { printable } from "./watch-table.ts";

/** Who it is that stands for nobody. */
const NOBODY = "-";
const HELP = `
The first letters of an ID are enough, as watchpost alerts shows them. Assigning acknowledges nothing: for both at once
there is watchpost ack ID --assign USER.

Examples:
  watchpost assign ann 70e3
  watchpost assign ann 70e3 1b9c
  watchpost assign - 70e3             nobody's again`;

export function assignCommand(): Command {
  return addActionOptions(new Command("assign"))
    .summary("hand alerts over to somebody")
    .description("Hands alerts over to somebody, who sees them as theirs.")
    .argument("<user>", `who is to look after them; ${NOBODY} for nobody`)
    .argument("<id...>", "ids of alerts; their first letters are enough")
    .addHelpText("after", HELP)
    .action((user: string, ids: string[], flags: ActionFlags) => {
      const assignee = user === NOBODY ? "" : user;
      return toAlerts(ids, flags, {
        acts: [{ case: "assign", value: { assignee } }],
        told: () => `assigned to ${assignee === "" ? "nobody" : printable(assignee)}:`,
      });
    });
}
