/** `watchpost issue`: one piece of work. */
import { Command } from "commander";
import { issueCloseCommand } from "./issue-close.ts";
import { issueCommentCommand } from "./issue-comment.ts";
import { issueCreateCommand } from "./issue-create.ts";
import { issueShowCommand } from "./issue-show.ts";
import { issueUpdateCommand } from "./issue-update.ts";

const HELP = `
watchpost issues lists them.

Examples:
  watchpost issue create 'pump 1 is loud' -m 'since noon, at full load' --priority high --device pump-1 --assign bob
  watchpost issue show 12
  watchpost issue update 12 --status in-progress --label bearing -m 'ordered a new one'
  watchpost issue comment 12 -m 'it comes on Friday'
  watchpost issue close 12 -m 'bearing replaced'`;

export function issueCommand(): Command {
  return new Command("issue")
    .summary("a tracked piece of work: create, show, update, comment, close")
    .description("Makes, shows and changes issues: tracked pieces of work.")
    .addCommand(issueCreateCommand())
    .addCommand(issueShowCommand())
    .addCommand(issueUpdateCommand())
    .addCommand(issueCommentCommand())
    .addCommand(issueCloseCommand())
    .addHelpText("after", HELP);
}
