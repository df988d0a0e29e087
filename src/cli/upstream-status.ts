/** `watchpost upstream status`: what has got where. */
import { Command, Option } from "commander";
import { setTimeout as sleep } from "node:timers/promises";
import { getDelivery } from "../client/delivery.ts";
import { messageOf } from "../model/errors.ts";
import type { GetDeliveryResponse } from "../wire/gen/forwarding_pb.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { deliveryJson, deliveryText } from "./delivery-text.ts";
import { cut } from "./fit-text.ts";
import { openScreen, type ScreenSize } from "./live-screen.ts";

const HELP = `
Points that wait may hold values that were replaced meanwhile; those are not sent. Times are UTC, of the points. "unreachable": nobody
answers, or the connection was cut; "held back": the upstream has no room at present; "refused": it does not want what this node forwards.

Examples:
  watchpost upstream status
  watchpost upstream status --watch
  watchpost upstream status --json | jq '.upstreams[0].queuedPoints'`;

interface StatusFlags {
  server: string;
  json?: boolean;
  watch?: boolean;
}

const ASK_EVERY_MS = 1_000;
const PRINT_EVERY_MS = 10_000;

export function upstreamStatusCommand(): Command {
  return addServerOption(new Command("status"))
    .summary("what has been forwarded, what waits, what was dropped or refused")
    .description(
      "Tells what a server has forwarded and what waits, and what other nodes have forwarded to it, by source.",
    )
    .option("--json", "one JSON object")
    .addOption(new Option("--watch", "live, until Ctrl-C; into a pipe every ten seconds").conflicts("json"))
    .addHelpText("after", HELP)
    .action(status);
}

async function status(flags: StatusFlags): Promise<void> {
  const connection = connectTo(flags.server);
  const signal = interruptSignal();
  const ask = () => getDelivery(connection, { signal });
  try {
    const first = await ask();
    if (flags.json) return void process.stdout.write(deliveryJson(first));
    if (!flags.watch) return void process.stdout.write(deliveryText(first, Date.now()));
    let shown = first;
    let trouble = "";
    const draw = ({ columns, rows }: ScreenSize) => {
      const lines = `${trouble}${deliveryText(shown, Date.now())}`.split("\n");
      return lines
        .slice(0, rows - 1)
        .map((line) => cut(line, columns))
        .join("\n");
    };
    if (process.stdout.isTTY !== true) return await print(ask, first, flags.server, signal);
    const screen = openScreen(draw);
    try {
      while (!signal.aborted) {
        await Bun.sleep(ASK_EVERY_MS);
        try {
          shown = await ask();
          trouble = "";
        } catch (error) {
          trouble = `${flags.server}: ${messageOf(error)}\n`;
        }
      }
    } finally {
      screen.close();
    }
  } finally {
    connection.close();
  }
}

/** For a pipe or a file: how it stands, with an empty line between, until `signal` aborts. */
async function print(
  ask: () => Promise<GetDeliveryResponse>,
  first: GetDeliveryResponse,
  server: string,
  signal: AbortSignal,
): Promise<void> {
  process.stdout.write(deliveryText(first, Date.now()));
  for (;;) {
    await sleep(PRINT_EVERY_MS, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    try {
      process.stdout.write(`\n${deliveryText(await ask(), Date.now())}`);
    } catch (error) {
      if (!signal.aborted) console.error(`${server}: ${messageOf(error)}`);
    }
  }
}
