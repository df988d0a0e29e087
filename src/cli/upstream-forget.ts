/** `watchpost upstream forget`: a node that forwarded here and does no more. */
import { Command } from "commander";
import { forgetOrigin } from "../client/delivery.ts";
import { WatchpostError } from "../model/errors.ts";
import type { OriginDelivery } from "../wire/gen/forwarding_pb.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { confirmed } from "./confirmed.ts";
import { counted } from "./counted.ts";
import { printable } from "./watch-table.ts";

const HELP = `
A server remembers every node that ever forwarded to it: what came from it, and that it must not forward back to it. When
roles are swapped, or a gateway is gone for good, have the server forget it. Points that came stay. Should the node forward
here again, it sends all that it has stored, which is counted anew.

Examples:
  watchpost upstream status
  watchpost upstream forget hall-3
  watchpost upstream forget 0b9c6e5e-5a4f-4d0e-9a57-0d3c1f6f2a11 --yes`;

interface ForgetFlags {
  server: string;
  yes?: boolean;
}

export function upstreamForgetCommand(): Command {
  return addServerOption(new Command("forget"))
    .summary("forget a node that forwarded here and does no more")
    .description("Has a server forget a node that forwarded to it and does no more.")
    .argument("<node>", "its id, or its name where no other node has that")
    .option("--yes", "do not ask")
    .addHelpText("after", HELP)
    .action(forget);
}

async function forget(node: string, flags: ForgetFlags): Promise<void> {
  if (!flags.yes && process.stdin.isTTY !== true) {
    const message = "there is no terminal to ask whether to forget it; say --yes to forget it without asking";
    throw new WatchpostError("FAILED_PRECONDITION", message);
  }
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  try {
    const found = await forgetOrigin(connection, { origin: node, dryRun: true }, { signal });
    const origin = found.origin!;
    if (!flags.yes && !(await confirmed(`Forget ${told(origin)}? [y/N] `, signal))) {
      console.log("nothing was forgotten");
      process.exitCode = 1;
      return;
    }
    const { over } = await forgetOrigin(connection, { origin: origin.originId }, { signal });
    console.log(`forgot ${told(origin)}`);
    for (const each of over) console.log(`its points still come over ${nameOf(each)}, which gets points from it`);
  } finally {
    connection.close();
  }
}

function told(origin: OriginDelivery): string {
  const points = origin.sources.reduce((sum, { ackedPoints }) => sum + ackedPoints, 0n);
  return `${nameOf(origin)}, from which ${counted(points, "point")} of ${counted(origin.sources.length, "source")} came`;
}

function nameOf({ originId, originName }: OriginDelivery): string {
  return `node ${printable(originName)} (${printable(originId)})`;
}
