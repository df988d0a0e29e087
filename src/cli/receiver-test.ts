/** `watchpost receiver test`: a notification that says it is a test, as real ones are sent. */
import { toJson } from "@bufbuild/protobuf";
import { Command } from "commander";
import pc from "picocolors";
import { testReceiver } from "../client/receivers.ts";
import { ChannelTestSchema, type ChannelTest } from "../wire/gen/receivers_pb.ts";
import { oneLine } from "./alert-text.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { addUserOption, userOf } from "./user-flag.ts";
import { printable } from "./watch-table.ts";

const HELP = `
It is sent once, on each channel; the exit code is 1 where one of them does not take it. An incident of PagerDuty, an alert of
Alertmanager and a retained MQTT message are over right after it. A receiver can be tested every 10 seconds.

Examples:
  watchpost receiver test ops
  watchpost receiver test presses --channel webhook-2`;

interface TestFlags {
  server: string;
  channel: string;
  user?: string;
  json?: boolean;
}

export function receiverTestCommand(): Command {
  return addUserOption(addServerOption(new Command("test")))
    .summary("send a test, and say what came of it")
    .description("Sends a receiver a notification that says it is a test, and says what came of it.")
    .argument("<name>", "of the receiver")
    .option("--channel <name>", "only this one, as watchpost receiver list shows it", "")
    .option("--json", "a JSON line for every channel")
    .addHelpText("after", HELP)
    .action(test);
}

async function test(receiver: string, flags: TestFlags): Promise<void> {
  const connection = connectTo(flags.server);
  try {
    const request = { receiver, channel: flags.channel, userId: userOf(flags) };
    const tests = await testReceiver(connection, request, { signal: interruptSignal() });
    for (const each of tests) {
      process.stdout.write(flags.json ? `${JSON.stringify(toJson(ChannelTestSchema, each))}\n` : testLine(each));
    }
    if (tests.some(({ sent }) => !sent)) process.exitCode = 1;
  } finally {
    connection.close();
  }
}

function testLine({ channel, sent, outcome, durationMs }: ChannelTest): string {
  const said = `${oneLine(outcome)} (${durationMs.toLocaleString("en-US")} ms)`;
  return `${printable(channel)}: ${sent ? pc.green(said) : pc.red(said)}\n`;
}
