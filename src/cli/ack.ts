/** `watchpost ack`: somebody looks after an alert. */
import { Command } from "commander";
import { addActionOptions, toAlerts, type ActionFlags } from "./alert-action.ts";
import { acknowledgerOf } from "./alert-text.ts";

const HELP = `
The first letters of an ID are enough, as watchpost alerts shows them; letters that stand for several alerts are refused
with a list of these. ack, resolve, assign and comment are commands of their own and take the same: a verb and some
letters are all there is to type at three in the morning, and none of them does what another one is for.

An acknowledgement covers the gravest severity the alert has had: when it grows graver than that, it stands open again.

Examples:
  watchpost ack 70e3
  watchpost ack 70e3 1b9c -m 'on my way'
  watchpost ack 70e3 --assign ann
  watchpost alerts --rule 'press-*' --json | jq -r .id | xargs -r watchpost ack -m 'press 1 is being serviced'`;

interface AckFlags extends ActionFlags {
  message?: string;
  assign?: string;
}

export function ackCommand(): Command {
  return addActionOptions(new Command("ack"))
    .summary("acknowledge alerts: somebody looks after them")
    .description("Acknowledges alerts: they stay active, and everybody sees who looks after them.")
    .argument("<id...>", "ids of alerts; their first letters are enough")
    .option("-m, --message <text>", "what there is to say")
    .option("--assign <user>", "hand them over to somebody, too")
    .addHelpText("after", HELP)
    .action((ids: string[], { assign: assignee, message: comment = "", ...flags }: AckFlags) =>
      toAlerts(ids, flags, {
        acts: [
          { case: "acknowledge", value: { comment } },
          ...(assignee === undefined ? [] : [{ case: "assign", value: { assignee } } as const]),
        ],
        told(before) {
          const others = before.acknowledged ? ` (after ${acknowledgerOf(before)})` : "";
          return `acknowledged${others}`;
        },
      }),
    );
}
