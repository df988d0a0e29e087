/** `watchpost silence`: for a time, nobody is told of some alerts. */
import { Command } from "commander";
import { silenceAddCommand } from "./silence-add.ts";
import { silenceExpireCommand } from "./silence-expire.ts";
import { silenceExtendCommand } from "./silence-extend.ts";
import { silenceListCommand } from "./silence-list.ts";

const HELP = `
A silence acknowledges nothing: its alerts fire, are listed and end as ever, and nobody is sent a word of them. What still
fires when it ends is notified then.

Examples:
  watchpost silence add device=pump-1 'severity!=critical' --for 2h -m 'works on pump 1'
  watchpost silence list
  watchpost silence extend 5e1f --for 1h
  watchpost silence expire 5e1f`;

export function silenceCommand(): Command {
  return new Command("silence")
    .summary("for a time, tell nobody of some alerts: add, list, extend, expire")
    .description("Makes, shows and ends silences: for a time, nobody is told of the alerts that meet one.")
    .addCommand(silenceAddCommand())
    .addCommand(silenceListCommand())
    .addCommand(silenceExtendCommand())
    .addCommand(silenceExpireCommand())
    .addHelpText("after", HELP);
}
