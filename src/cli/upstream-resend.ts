/** `watchpost upstream resend`: forwards a range again. */
import { Command } from "commander";
import { resend } from "../client/delivery.ts";
import { timestampOfUs } from "../wire/timestamp.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { timeUsOf } from "./time-argument.ts";

const HELP = `
Whole blocks are sent, so points around the range may be among them. What is sent again is stored anew where it is missing,
changes nothing where it is there, and is not counted once more.

Examples:
  watchpost upstream resend --from 2026-01-01 --to 2026-02-01
  watchpost upstream resend --from -2h`;

interface ResendFlags {
  server: string;
  from?: string;
  to?: string;
  all?: boolean;
}

export function upstreamResendCommand(): Command {
  return addServerOption(new Command("resend"))
    .summary("forward what is stored of a time range again")
    .description("Forwards what a server has stored of a time range again, for an upstream that has lost it.")
    .option("--from <time>", "of the points: ISO 8601, a number since 1970, or before now such as -2h")
    .option("--to <time>", "end of the range (default: no end)")
    .option("--all", "everything that is stored")
    .addHelpText("after", HELP)
    .action(again);
}

async function again(flags: ResendFlags, command: Command): Promise<void> {
  const { from, to, all } = flags;
  const bound = from !== undefined ? "--from" : to !== undefined ? "--to" : undefined;
  if (all && bound !== undefined) command.error(`error: ${bound} and --all are given together; wanted one of them`);
  if (!all && bound === undefined) {
    command.error("error: wanted --from, --to or both, or --all for everything that is stored");
  }
  const nowMs = Date.now();
  const connection = connectTo(flags.server);
  try {
    const request = {
      ...(from !== undefined && { from: timestampOfUs(timeUsOf("--from", from, nowMs)) }),
      ...(to !== undefined && { to: timestampOfUs(timeUsOf("--to", to, nowMs)) }),
    };
    const { points } = await resend(connection, request, { signal: interruptSignal() });
    if (points === 0n) console.log("nothing is stored of that range");
    else
      console.log(
        `${points.toLocaleString("en-US")} points are sent again; watchpost upstream status tells how far they are`,
      );
  } finally {
    connection.close();
  }
}
