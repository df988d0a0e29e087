/** `watchpost upstream`: forwarding from node to node. */
import { Command } from "commander";
import { upstreamForgetCommand } from "./upstream-forget.ts";
import { upstreamHandOverCommand } from "./upstream-hand-over.ts";
import { upstreamResendCommand } from "./upstream-resend.ts";
import { upstreamStatusCommand } from "./upstream-status.ts";

const HELP = `
A server forwards what it stores where upstream.address says so, in its settings: see watchpost config and docs/edge.md.

Examples:
  watchpost upstream status
  watchpost upstream resend --from 2026-01-01
  watchpost upstream forget hall-3
  watchpost upstream hand-over hall-3 --to gateway-3`;

export function upstreamCommand(): Command {
  return new Command("upstream")
    .summary("forwarding to another node: status, resend, forget, hand-over")
    .description("Shows what a server forwards to another one and what others forward to it, and sends it again.")
    .addCommand(upstreamStatusCommand())
    .addCommand(upstreamResendCommand())
    .addCommand(upstreamForgetCommand())
    .addCommand(upstreamHandOverCommand())
    .addHelpText("after", HELP);
}
