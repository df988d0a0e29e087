/** `watchpost issue update`. */
import { Command, InvalidArgumentError } from "commander";
import { LINK_KINDS, linksOfWords, type LinkKind } from "../collaboration/issues/issue-links.ts";
import { updateIssue } from "../client/issues.ts";
import { WatchpostError } from "../model/errors.ts";
import type { IssueStatus } from "../wire/gen/issues_pb.ts";
import { integerArgument } from "./client-flags.ts";
import { addIssueActionOptions, toIssue, type IssueActionFlags } from "./issue-action.ts";
import { addLinkOptions, collect, linksGiven, numberArgument, priorityArgument } from "./issue-flags.ts";
import { statusArgument, type LinkFlags } from "./issue-flags.ts";
import { userOf } from "./user-flag.ts";

const HELP = `
What is not given stays as it is. With --revision the change is refused where somebody else has changed the issue since that
revision, as watchpost issue show tells it; who that was and what the issue is now is said.

Examples:
  watchpost issue update 12 --status in-progress --assign ann
  watchpost issue update 12 --title 'pump 1 is very loud' --priority critical --revision 3
  watchpost issue update 12 --label bearing --remove-label noise --alert 70e3 --unlink device:pump-2
  watchpost issue update 12 --assign '' -m 'who has time?'
  watchpost issue update 12 --status open -m 'it is loud again'`;
const KINDS = LINK_KINDS.map((kind) => `${kind}:NAME`).join(", ");
/** What changes nothing by itself. */
const NO_CHANGES: ReadonlySet<string> = new Set(["server", "user", "json", "revision"]);

interface UpdateFlags extends IssueActionFlags, LinkFlags {
  title?: string;
  description?: string;
  status?: IssueStatus;
  priority?: string;
  assign?: string;
  label?: readonly string[];
  removeLabel?: readonly string[];
  unlink?: readonly string[];
  message?: string;
  revision?: number;
}

export function issueUpdateCommand(): Command {
  const command = new Command("update")
    .summary("change an issue")
    .description("Changes an issue, with a comment or without.")
    .argument("<number>", "number of an issue", numberArgument)
    .option("--title <text>", "what is to be done, in one line")
    .option("--description <text>", "in place of the one before")
    .option("--status <status>", "open, in-progress, resolved or closed", statusArgument)
    .option("--priority <priority>", "low, medium, high or critical", priorityArgument)
    .option("--assign <user>", "who has to do it; '' for nobody")
    .option("--label <label>", "a further label; may be repeated", collect)
    .option("--remove-label <label>", "a label less; may be repeated", collect);
  return addIssueActionOptions(addLinkOptions(command))
    .option("--unlink <link>", `what it is not about: ${KINDS}; may be repeated`, unlinkArgument)
    .option("-m, --message <text>", "a comment with the change")
    .option("--revision <number>", "the one that is changed", integerArgument(1, Number.MAX_SAFE_INTEGER))
    .addHelpText("after", HELP)
    .action((number: bigint, flags: UpdateFlags) => {
      if (Object.keys(flags).every((name) => NO_CHANGES.has(name))) {
        throw new WatchpostError(
          "INVALID_ARGUMENT",
          "nothing to change is given; wanted --status, --assign or another",
        );
      }
      return toIssue(flags, "updated", async (connection, signal) => {
        const { title, description, status, priority, assign, label = [], removeLabel = [], unlink = [] } = flags;
        const request = {
          number,
          userId: userOf(flags),
          revision: BigInt(flags.revision ?? 0),
          ...(title === undefined ? {} : { title }),
          ...(description === undefined ? {} : { description }),
          ...(status === undefined ? {} : { status }),
          ...(priority === undefined ? {} : { priority }),
          ...(assign === undefined ? {} : { assignee: assign }),
          addLabels: [...label],
          removeLabels: [...removeLabel],
          addLinks: await linksGiven(connection, flags, { signal }),
          removeLinks: linksOfWords(unlink),
          comment: flags.message ?? "",
          sessionId: flags.session ?? "",
        };
        return updateIssue(connection, request, { signal });
      });
    });
}

function unlinkArgument(text: string, all: readonly string[] = []): string[] {
  const [, kind = "", name = ""] = /^([a-z]+):(.+)$/s.exec(text) ?? [];
  if (name !== "" && LINK_KINDS.includes(kind as LinkKind)) return [...all, text];
  throw new InvalidArgumentError(`wanted ${KINDS}`);
}
