/** `watchpost policy`: who is told of which alerts, and when. */
import { Command } from "commander";
import { policyListCommand } from "./policy-list.ts";

const HELP = `
Routes, inhibition, escalation and schedules stand in the server's rules file, see docs/alerts.md.

Example:
  watchpost policy list`;

export function policyCommand(): Command {
  return new Command("policy")
    .summary("who is told of which alerts, and when: list")
    .description("Shows who is told of which alerts, and when.")
    .addCommand(policyListCommand())
    .addHelpText("after", HELP);
}
