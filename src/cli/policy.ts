/** `watchpost policy`: who is told of which alerts, and when. */
import { Command } from "commander";
import { policyListCommand } from "./policy-list.ts";
import { policyWhoCommand } from "./policy-who.ts";

const HELP = `
Routes, inhibition, escalation and schedules stand in the server's rules file, see docs/alerts.md.

Examples:
  watchpost policy list
  watchpost policy who alertname=press-hot severity=critical site=north`;

export function policyCommand(): Command {
  return new Command("policy")
    .summary("who is told of which alerts, and when: list, who")
    .description("Shows who is told of which alerts, and when.")
    .addCommand(policyListCommand())
    .addCommand(policyWhoCommand())
    .addHelpText("after", HELP);
}
