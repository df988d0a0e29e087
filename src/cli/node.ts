/** `watchpost node`: what is done to one of the nodes that share a Redis. */
import { Command } from "commander";
import { nodeDrainCommand } from "./node-drain.ts";
import { nodeForgetCommand } from "./node-forget.ts";

const HELP = `
Examples:
  watchpost nodes
  watchpost node drain
  watchpost node forget hall-2`;

export function nodeCommand(): Command {
  return new Command("node")
    .summary("take a node out of service, and back, or forget it: drain, forget")
    .description("Takes one of the nodes that share a Redis out of service, and back, or forgets one that is gone.")
    .addCommand(nodeDrainCommand())
    .addCommand(nodeForgetCommand())
    .addHelpText("after", HELP);
}
