/** `watchpost issue show`: all there is to say of one. */
import { toJson } from "@bufbuild/protobuf";
import { Command } from "commander";
import { getIssueHistory } from "../client/issues.ts";
import { GetIssueResponseSchema } from "../wire/gen/issues_pb.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { numberArgument } from "./issue-flags.ts";
import { issuePage } from "./issue-text.ts";

const HELP = `
Times are UTC. What happened is shown as far as the journal is kept (retention.journal); the issue and its comments stay.

Examples:
  watchpost issue show 12
  watchpost issue show 12 --json | jq -r '.issue.comments[].text'`;

export function issueShowCommand(): Command {
  return addServerOption(new Command("show"))
    .summary("an issue, and all that happened to it")
    .description("Shows an issue and, line by line, what happened to it: changes and comments.")
    .argument("<number>", "number of an issue", numberArgument)
    .option("--json", "the answer of GetIssue, with all that happened, as a JSON line")
    .addHelpText("after", HELP)
    .action(show);
}

async function show(number: bigint, flags: { server: string; json?: boolean }): Promise<void> {
  const connection = connectTo(flags.server);
  try {
    const answer = await getIssueHistory(connection, number, { signal: interruptSignal() });
    if (answer.nextPage !== "") console.error(`only the last ${answer.timeline.length} changes are shown`);
    if (flags.json) console.log(JSON.stringify(toJson(GetIssueResponseSchema, answer)));
    else process.stdout.write(issuePage(answer));
  } finally {
    connection.close();
  }
}
