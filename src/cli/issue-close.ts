/** `watchpost issue close`. */
import { Command } from "commander";
import { updateIssue } from "../client/issues.ts";
import { IssueStatus } from "../wire/gen/issues_pb.ts";
import { addIssueActionOptions, toIssues, type IssueActionFlags } from "./issue-action.ts";
import { numbersArgument } from "./issue-flags.ts";
import { userOf } from "./user-flag.ts";

const HELP = `
watchpost issue update NUMBER --status open opens one again.

Examples:
  watchpost issue close 12 -m 'bearing replaced'
  watchpost issue close 12 13 --resolved`;

interface CloseFlags extends IssueActionFlags {
  message?: string;
  resolved?: boolean;
}

export function issueCloseCommand(): Command {
  return addIssueActionOptions(new Command("close"))
    .summary("there is nothing more to do")
    .description("Closes issues: there is nothing more to do.")
    .argument("<number...>", "numbers of issues", numbersArgument)
    .option("-m, --message <text>", "what there is to say")
    .option("--resolved", "resolved, and to be looked at before it is closed")
    .addHelpText("after", HELP)
    .action((numbers: bigint[], flags: CloseFlags) =>
      toIssues(numbers, flags, flags.resolved ? "resolved" : "closed", (connection, number, signal) => {
        const request = {
          number,
          userId: userOf(flags),
          status: flags.resolved ? IssueStatus.RESOLVED : IssueStatus.CLOSED,
          comment: flags.message ?? "",
          sessionId: flags.session ?? "",
        };
        return updateIssue(connection, request, { signal });
      }),
    );
}
