/** `watchpost issue comment`. */
import { Command } from "commander";
import { commentIssue } from "../client/issues.ts";
import { addIssueActionOptions, toIssues, type IssueActionFlags } from "./issue-action.ts";
import { numbersArgument } from "./issue-flags.ts";
import { userOf } from "./user-flag.ts";

const HELP = `
Examples:
  watchpost issue comment 12 -m 'it comes on Friday'
  watchpost issue comment 12 13 -m "$(cat notes.txt)"`;

export function issueCommentCommand(): Command {
  return addIssueActionOptions(new Command("comment"))
    .summary("say something of issues, also of those that are closed")
    .description("Says something of issues, and changes nothing else.")
    .argument("<number...>", "numbers of issues", numbersArgument)
    .requiredOption("-m, --message <text>", "what there is to say")
    .addHelpText("after", HELP)
    .action((numbers: bigint[], flags: IssueActionFlags & { message: string }) =>
      toIssues(numbers, flags, "commented", (connection, number, signal) => {
        const request = { number, userId: userOf(flags), text: flags.message, sessionId: flags.session ?? "" };
        return commentIssue(connection, request, { signal });
      }),
    );
}
