/** `watchpost upstream hand-over`: a node that forwards here comes with another credential from now on. */
import { Command, Option } from "commander";
import { handOverOrigin } from "../client/delivery.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { printable } from "./watch-table.ts";

const HELP = `
Where a server asks who calls, a node that forwards to it belongs to whoever brought it first: nobody else who knows its id can stand in
for it. A token that replaces a revoked one goes on by itself where it has the same name. For any other say whose it is from now on.

Examples:
  watchpost upstream status
  watchpost upstream hand-over hall-3 --to gateway-3
  watchpost upstream hand-over 0b9c6e5e-5a4f-4d0e-9a57-0d3c1f6f2a11 --to hall-3.example.org --via certificate`;

interface HandOverFlags {
  server: string;
  to: string;
  via: string;
}

export function upstreamHandOverCommand(): Command {
  return addServerOption(new Command("hand-over"))
    .summary("let a node that forwards here come with another credential")
    .description(
      "Lets another principal bring a node that forwards to a server, instead of the one that brought it first.",
    )
    .argument("<node>", "its id, or its name where no other node has that")
    .requiredOption("--to <name>", "name of the token, JWT or certificate that brings it from now on")
    .addOption(
      new Option("--via <kind>", "what has that name").choices(["token", "jwt", "certificate"]).default("token"),
    )
    .addHelpText("after", HELP)
    .action(handOver);
}

async function handOver(node: string, { server, to, via }: HandOverFlags): Promise<void> {
  const connection = connectTo(server);
  try {
    const { origin } = await handOverOrigin(connection, { origin: node, to, via }, { signal: interruptSignal() });
    const { originName, originId, owner, ownerVia } = origin!;
    console.log(
      `node ${printable(originName)} (${printable(originId)}) belongs to ${printable(owner)} (${ownerVia}) from now on`,
    );
  } finally {
    connection.close();
  }
}
