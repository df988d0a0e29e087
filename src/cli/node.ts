/** `watchpost node`: what is done to one of the nodes that share a Redis. */
import { Command } from "commander";
import { nodeDrainCommand } from "./node-drain.ts";

const HELP = `
Examples:
  watchpost nodes
  watchpost node drain`;

export function nodeCommand(): Command {
  return new Command("node")
    .summary("take a node out of service, and back: drain")
    .description("Takes one of the nodes that share a Redis out of service, and back.")
    .addCommand(nodeDrainCommand())
    .addHelpText("after", HELP);
}
