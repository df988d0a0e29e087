/** `watchpost receiver list`: who is told of alerts, and how the last notifications fared. */
import { toJson } from "@bufbuild/protobuf";
import { Command } from "commander";
import { listReceivers } from "../client/receivers.ts";
import { ReceiverInfoSchema, type ReceiverChannel, type ReceiverInfo } from "../wire/gen/receivers_pb.ts";
import { ago, oneLine } from "./alert-text.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { textTable } from "./text-table.ts";
import { printable } from "./watch-table.ts";

const HELP = `
Secrets are not shown. DELIVERED is when a notification last got there, ON THE WAY how many are being sent or wait for another attempt.

Examples:
  watchpost receiver list
  watchpost receiver list ops --json | jq '.attempts[] | select(.delivered | not)'`;

export function receiverListCommand(): Command {
  return addServerOption(new Command("list"))
    .summary("where notifications go, and how the last ones fared")
    .description("Lists receivers and their channels, in the order of the rules file.")
    .argument("[name]", "of this one alone", "")
    .option("--json", "a JSON line for every receiver, with the last attempts to tell it")
    .addHelpText("after", HELP)
    .action(list);
}

async function list(name: string, flags: { server: string; json?: boolean }): Promise<void> {
  const connection = connectTo(flags.server);
  try {
    const { receivers } = await listReceivers(connection, name, { signal: interruptSignal() });
    if (flags.json) process.stdout.write(receivers.map(jsonLine).join(""));
    else
      process.stdout.write(
        receiversTable(receivers, Date.now()) || "nobody is told: the rules file has no receivers\n",
      );
  } finally {
    connection.close();
  }
}

/** A line for titles and one a channel; "" for none. */
export function receiversTable(receivers: readonly ReceiverInfo[], nowMs: number): string {
  const rows = receivers.flatMap(({ name, channels }): Row[] =>
    channels.length === 0 ? [{ name, channel: undefined }] : channels.map((channel) => ({ name, channel })),
  );
  return textTable<Row>(
    [
      { title: "RECEIVER", cell: ({ name }) => printable(name) },
      { title: "CHANNEL", cell: ({ channel }) => printable(channel?.name ?? "none") },
      { title: "TO", cell: ({ channel }) => printable(channel?.target ?? "is dropped") },
      { title: "DELIVERED", cell: ({ channel }) => ago(channel?.lastDeliveredAt, nowMs) },
      { title: "ON THE WAY", right: true, cell: ({ channel }) => (channel?.underWay ?? 0).toLocaleString("en-US") },
      { title: "FAILED", cell: ({ channel }) => (channel === undefined ? "-" : failureWords(channel, nowMs)) },
    ],
    rows,
  );
}

interface Row {
  readonly name: string;
  readonly channel: ReceiverChannel | undefined;
}

function failureWords({ failuresInRow, lastFailure, lastFailedAt }: ReceiverChannel, nowMs: number): string {
  if (lastFailedAt === undefined) return "-";
  const times = failuresInRow > 1 ? ` (${failuresInRow.toLocaleString("en-US")} times in a row)` : "";
  return `${ago(lastFailedAt, nowMs)}${times}: ${oneLine(lastFailure)}`;
}

function jsonLine(info: ReceiverInfo): string {
  return `${JSON.stringify(toJson(ReceiverInfoSchema, info))}\n`;
}
