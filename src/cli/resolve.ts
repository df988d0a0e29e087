/** `watchpost resolve`: an alert is over because somebody says so. */
import { Command } from "commander";
import { addActionOptions, toAlerts, type ActionFlags } from "./alert-action.ts";

const HELP = `
The first letters of an ID are enough, as watchpost alerts shows them. Resolving mutes nothing: where the condition is
met by the next sample, the rule's hold begins anew, and after it another alert fires.

Examples:
  watchpost resolve 70e3 -m 'fan replaced'
  watchpost resolve 70e3 1b9c`;

export function resolveCommand(): Command {
  return addActionOptions(new Command("resolve"))
    .summary("end alerts by hand")
    .description("Ends alerts by hand.")
    .argument("<id...>", "ids of alerts; their first letters are enough")
    .option("-m, --message <text>", "what there is to say")
    .addHelpText("after", HELP)
    .action((ids: string[], flags: ActionFlags & { message?: string }) =>
      toAlerts(ids, flags, {
        acts: [{ case: "resolve", value: { comment: flags.message ?? "" } }],
        told: () => "resolved",
      }),
    );
}
