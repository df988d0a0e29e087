/** `watchpost issue create`. */
import { Command } from "commander";
import { createIssue } from "../client/issues.ts";
import { addIssueActionOptions, toIssue, type IssueActionFlags } from "./issue-action.ts";
import { addLinkOptions, collect, linksGiven, priorityArgument, type LinkFlags } from "./issue-flags.ts";
import { userOf } from "./user-flag.ts";

const HELP = `
Examples:
  watchpost issue create 'pump 1 is loud' -m 'since noon, at full load'
  watchpost issue create 'press 4 runs hot' --priority critical --assign bob --label bearing --alert 70e3
  watchpost issue create 'gateway 7 is away' --device gw-7 --session night-shift --json | jq -r .number`;

interface CreateFlags extends IssueActionFlags, LinkFlags {
  message?: string;
  priority?: string;
  assign?: string;
  label?: readonly string[];
}

export function issueCreateCommand(): Command {
  const command = new Command("create")
    .summary("open an issue")
    .description("Opens an issue, which gets the next number.")
    .argument("<title>", "what is to be done, in one line")
    .option("-m, --message <text>", "its description, of any lines")
    .option("--priority <priority>", "low, medium, high or critical (default: medium)", priorityArgument)
    .option("--assign <user>", "who has to do it")
    .option("--label <label>", "a label; may be repeated", collect);
  return addIssueActionOptions(addLinkOptions(command))
    .addHelpText("after", HELP)
    .action((title: string, flags: CreateFlags) =>
      toIssue(flags, "created", async (connection, signal) => {
        const { message = "", priority = "", assign = "", label = [], session = "" } = flags;
        const request = {
          userId: userOf(flags),
          title,
          description: message,
          priority,
          assignee: assign,
          labels: [...label],
          links: await linksGiven(connection, flags, { signal }),
          sessionId: session,
        };
        return createIssue(connection, request, { signal });
      }),
    );
}
