/** `watchpost node forget`: one that is gone for good is a node no more. */
import { Command } from "commander";
import { forgetNode } from "../client/nodes.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { printable } from "./watch-table.ts";

const HELP = `
For one whose disk is lost, or that will never be started again: nodes that are gone are listed for a week otherwise, and answers about
what they took say that they are missing. It is forgotten on all nodes within seconds, with the names and newest values of its series.
What it took is found no more; what operators wrote is on all other nodes. Of its alerts, devices and rules nothing is lost. One that
lives is refused: drain it and stop it first. A node that is started all the same is a node again, with all it has on its disk. See
docs/nodes.md.

Examples:
  watchpost node forget hall-2
  watchpost node forget "$(watchpost nodes --json | jq -r '.nodes[] | select(.state == "gone").nodeId')"`;

export function nodeForgetCommand(): Command {
  return addServerOption(new Command("forget"))
    .summary("a node that is gone for good is a node no more")
    .description("Forgets a node that is gone for good, with the history that only it had.")
    .argument("<node>", "its name or id")
    .addHelpText("after", HELP)
    .action(forget);
}

async function forget(wanted: string, { server }: { server: string }): Promise<void> {
  const connection = connectTo(server);
  try {
    const { node, series } = await forgetNode(connection, wanted, { signal: interruptSignal() });
    const name = printable(node!.name);
    const isOne = series === 1n;
    const only = `${series.toLocaleString("en-US")} series that only it had ${isOne ? "is" : "are"} listed no more`;
    console.log(`${name} is forgotten: what it took is found no more${series === 0n ? "" : `; ${only}`}`);
  } finally {
    connection.close();
  }
}
