/** What the commands that change issues have in common: who does it, where it is told, and a line for each. */
import pc from "picocolors";
import type { Command } from "commander";
import type { Connection } from "../client/connection.ts";
import { WatchpostError } from "../model/errors.ts";
import type { Issue } from "../wire/gen/issues_pb.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { issueJson } from "./issue-json.ts";
import { briefly } from "./issue-text.ts";
import { addUserOption } from "./user-flag.ts";
import { printable } from "./watch-table.ts";

export interface IssueActionFlags {
  server: string;
  user?: string;
  session?: string;
  json?: boolean;
}

export function addIssueActionOptions(command: Command): Command {
  return addUserOption(addServerOption(command))
    .option("--session <id>", "tell it in this session, too, and link it")
    .option("--json", "a JSON line for every issue, as it is then");
}

/** One line for one issue. */
export async function toIssue(
  flags: IssueActionFlags,
  told: string,
  act: (connection: Connection, signal: AbortSignal) => Promise<Issue>,
): Promise<void> {
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  try {
    tell(await act(connection, signal), told, flags);
  } finally {
    connection.close();
  }
}

/** A line for each of several; one that it cannot be done to is said, and the others go on; exit code 1 then. */
export async function toIssues(
  numbers: readonly bigint[],
  flags: IssueActionFlags,
  told: string,
  act: (connection: Connection, number: bigint, signal: AbortSignal) => Promise<Issue>,
): Promise<void> {
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  try {
    for (const number of new Set(numbers)) {
      try {
        tell(await act(connection, number, signal), told, flags);
      } catch (error) {
        if (!isOfOne(error)) throw error;
        console.error(`${pc.red("error:")} ${printable(error.message)}`);
        process.exitCode = 1;
      }
    }
  } finally {
    connection.close();
  }
}

function tell(issue: Issue, told: string, { json }: IssueActionFlags): void {
  if (json) process.stdout.write(issueJson(issue));
  else console.log(`${told} ${briefly(issue)}`);
}

/** Whether it says nothing of the other issues. */
function isOfOne(error: unknown): error is WatchpostError {
  return error instanceof WatchpostError && ["NOT_FOUND", "DATA_LOSS", "FAILED_PRECONDITION"].includes(error.status);
}
