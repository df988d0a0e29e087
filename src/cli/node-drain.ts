/** `watchpost node drain`: streams of a node go on at others, before it is stopped. */
import { Command } from "commander";
import { drainNode } from "../client/nodes.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { printable } from "./watch-table.ts";

const HELP = `
Its health says NOT_SERVING, so that balancers send nothing more to it. New streams are refused, and those that are open end within
two seconds with UNAVAILABLE: clients go on at another node behind what they have. If it is the desk, another node takes that over.
Calls with one answer are still answered. Nothing that was acknowledged is lost; stop it whenever you like. See docs/nodes.md.

Examples:
  watchpost node drain                          the one that --server names
  watchpost node drain hall-2                   another one, by its name or id
  watchpost node drain hall-2 --undo`;

interface DrainFlags {
  server: string;
  undo?: boolean;
}

export function nodeDrainCommand(): Command {
  return addServerOption(new Command("drain"))
    .summary("let a node's streams go on at others, before it is stopped")
    .description("Lets the streams of a node go on at other nodes, before it is stopped.")
    .argument("[node]", "its name or id (default: the one that is asked)")
    .option("--undo", "it takes streams again")
    .addHelpText("after", HELP)
    .action(drain);
}

async function drain(node: string | undefined, { server, undo = false }: DrainFlags): Promise<void> {
  const connection = connectTo(server);
  try {
    const drained = await drainNode(connection, { node: node ?? "", undo }, { signal: interruptSignal() });
    const name = printable(drained.name);
    if (undo) console.log(`${name} takes streams again`);
    else
      console.log(`${name} is being drained: it takes no new streams; watchpost nodes shows when another is the desk`);
  } finally {
    connection.close();
  }
}
