/** `watchpost policy list`: who is told of which alerts, and when. */
import { toJson } from "@bufbuild/protobuf";
import { Command } from "commander";
import { listPolicies } from "../client/receivers.ts";
import { ListPoliciesResponseSchema } from "../wire/gen/receivers_pb.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { policiesText } from "./policy-text.ts";

const HELP = `
Times are UTC. TELLS NOW names receivers: of a schedule, whoever is on call.

Examples:
  watchpost policy list
  watchpost policy list --json | jq -r '.schedules[] | "\\(.name): \\(.onCall)"'`;

export function policyListCommand(): Command {
  return addServerOption(new Command("list"))
    .summary("routes, inhibition, escalation, and who is on call")
    .description("Shows the routes of alerts, which inhibit others, escalation policies, and who is on call.")
    .option("--json", "all of it as JSON")
    .addHelpText("after", HELP)
    .action(list);
}

async function list(flags: { server: string; json?: boolean }): Promise<void> {
  const connection = connectTo(flags.server);
  try {
    const policies = await listPolicies(connection, { signal: interruptSignal() });
    if (flags.json) console.log(JSON.stringify(toJson(ListPoliciesResponseSchema, policies), null, 2));
    else process.stdout.write(policiesText(policies));
  } finally {
    connection.close();
  }
}
