/** `watchpost policy who`: who would be told of an alert, if it fired now. */
import { toJson } from "@bufbuild/protobuf";
import { Command, InvalidArgumentError } from "commander";
import { previewRouting } from "../client/receivers.ts";
import { PreviewRoutingResponseSchema } from "../wire/gen/receivers_pb.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { routingText } from "./policy-text.ts";

const HELP = `
alertname is the rule, severity one of low, medium, high and critical. Routes go by labels, so what is left out is taken to be missing.

Examples:
  watchpost policy who alertname=press-hot severity=critical site=north
  watchpost policy who severity=high device=pump-1 --escalation plant`;

interface WhoFlags {
  server: string;
  escalation: string;
  json?: boolean;
}

export function policyWhoCommand(): Command {
  const collect = (text: string, all: Readonly<Record<string, string>> = {}) => ({ ...all, ...labelOf(text) });
  return addServerOption(new Command("who"))
    .summary("who would be told of an alert with some labels")
    .description("Says who would be told of an alert with these labels if it fired now, and what would hold that back.")
    .argument("<label...>", "name=value", collect)
    .option("--escalation <policy>", "of its rule", "")
    .option("--json", "as JSON")
    .addHelpText("after", HELP)
    .action(who);
}

async function who(labels: Record<string, string>, flags: WhoFlags): Promise<void> {
  const connection = connectTo(flags.server);
  try {
    const request = { labels, escalation: flags.escalation };
    const answer = await previewRouting(connection, request, { signal: interruptSignal() });
    if (flags.json) console.log(JSON.stringify(toJson(PreviewRoutingResponseSchema, answer), null, 2));
    else process.stdout.write(routingText(answer));
  } finally {
    connection.close();
  }
}

function labelOf(text: string): Record<string, string> {
  const [, name, value] = /^([^=!~\s]+)=([^=~].*|)$/s.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError("wanted name=value, such as site=north");
  return { [name]: value };
}
