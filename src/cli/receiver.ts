/** `watchpost receiver`: who is told of alerts, and whether notifications get there. */
import { Command } from "commander";
import { receiverListCommand } from "./receiver-list.ts";
import { receiverTestCommand } from "./receiver-test.ts";

const HELP = `
Receivers stand in the server's rules file, see docs/alerts.md.

Examples:
  watchpost receiver list
  watchpost receiver test ops`;

export function receiverCommand(): Command {
  return new Command("receiver")
    .summary("who is told of alerts: list, test")
    .description("Shows who is told of alerts, and sends tests.")
    .addCommand(receiverListCommand())
    .addCommand(receiverTestCommand())
    .addHelpText("after", HELP);
}
