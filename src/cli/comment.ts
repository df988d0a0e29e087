/** `watchpost comment`: what there is to say of an alert. */
import { Command } from "commander";
import { addActionOptions, toAlerts, type ActionFlags } from "./alert-action.ts";

const HELP = `
The first letters of an ID are enough, as watchpost alerts shows them; also of alerts that are over. watchpost history
shows all that was said.

Examples:
  watchpost comment 70e3 -m 'bearing is worn, ordered a new one'`;

export function commentCommand(): Command {
  return addActionOptions(new Command("comment"))
    .summary("say something of alerts, also of those that are over")
    .description("Says something of alerts, and changes nothing else.")
    .argument("<id...>", "ids of alerts; their first letters are enough")
    .requiredOption("-m, --message <text>", "what there is to say")
    .addHelpText("after", HELP)
    .action((ids: string[], flags: ActionFlags & { message: string }) =>
      toAlerts(ids, flags, {
        acts: [{ case: "comment", value: { text: flags.message } }],
        told: () => "commented",
      }),
    );
}
