/** `watchpost issues`: what there is to do, and live what becomes of it. */
import { Command } from "commander";
import { allIssues } from "../client/issues.ts";
import type { Issue } from "../wire/gen/issues_pb.ts";
import { WatchpostError } from "../model/errors.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { addIssueFilter, issuesWanted, type FilterFlags } from "./issue-flags.ts";
import { issueJson } from "./issue-json.ts";
import { issueTable, priorityCounts } from "./issue-text.ts";
import { watchIssues } from "./watch-issues.ts";

const SHOWN_MAX = 100;
const HELP = `
Issues that are over are listed with --status closed, resolved or all. To do something about one, give its number to
watchpost issue show, update, comment or close.

A live list goes on by itself when the server restarts, and misses nothing. Into a pipe it is a line for each change; with
--json each line is an IssueUpdate as WatchIssues sends it, see docs/issues.md.

Examples:
  watchpost issues
  watchpost issues --assignee ann --priority critical,high
  watchpost issues --status all --device pump-1 --text bearing
  watchpost issues --unassigned --json | jq -r .number | xargs -r -n1 watchpost issue update --assign bob
  watchpost issues --watch --label night-shift`;

interface Flags extends FilterFlags {
  server: string;
  watch?: boolean;
  json?: boolean;
}

export function issuesCommand(): Command {
  return addIssueFilter(addServerOption(new Command("issues")))
    .summary("what there is to do, and live what becomes of it")
    .description("Lists issues that are open or in progress, the newest first; with --watch live, until Ctrl-C.")
    .option("--watch", "live, until Ctrl-C")
    .option("--json", "a JSON line for every issue, live for every change")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(flags: Flags, command: Command): Promise<void> {
  if (flags.watch && flags.limit !== undefined) {
    throw new WatchpostError("INVALID_ARGUMENT", "--limit and --watch are given together; wanted one of them");
  }
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  try {
    const wanted = await issuesWanted(connection, flags, { signal });
    if (flags.watch) return await watchIssues(connection, wanted, flags, signal);
    // One more tells whether that is all.
    const limitMax = flags.json ? (flags.limit ?? Infinity) : (flags.limit ?? SHOWN_MAX) + 1;
    const issues = allIssues(connection, wanted, { signal, limitMax });
    if (flags.json) for await (const issue of issues) process.stdout.write(issueJson(issue));
    else tell(await Array.fromAsync(issues), flags, command);
  } finally {
    connection.close();
  }
}

function tell(found: readonly Issue[], { limit = SHOWN_MAX }: Flags, command: Command): void {
  if (found.length === 0) return console.log(isNarrowed(command) ? "no issue matches" : "no issue is open");
  const shown = found.slice(0, limit);
  for (const line of issueTable(shown, Date.now())) console.log(line);
  const more = found.length > shown.length ? `the newest ${shown.length}; --limit shows more: ` : "";
  const count = `${shown.length.toLocaleString("en-US")} ${shown.length === 1 ? "issue" : "issues"}: `;
  console.log(`${more || count}${priorityCounts(shown)}`);
}

/** Whether something may have been left out. */
function isNarrowed(command: Command): boolean {
  const { server: _, ...filters } = command.opts<Flags>();
  return Object.keys(filters).some((name) => command.getOptionValueSource(name) === "cli");
}
