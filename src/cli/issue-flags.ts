/** Flags of the commands about issues. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { PRIORITIES, statusOfWord, statusWord, STATUSES } from "../collaboration/issues/issue-words.ts";
import type { Connection } from "../client/connection.ts";
import type { IssuesWanted } from "../client/issues.ts";
import type { IssueStatus } from "../wire/gen/issues_pb.ts";
import { integerArgument } from "./client-flags.ts";
import { findAlerts } from "./find-alerts.ts";

const LIMIT_MAX = 1_000_000;
const ALL = "all";
const STATUS_NAMES = STATUSES.map((status) => statusWord(status).replaceAll("_", "-"));

export interface FilterFlags {
  status: readonly IssueStatus[];
  priority?: readonly string[];
  assignee?: string;
  unassigned?: boolean;
  label?: readonly string[];
  alert?: string;
  device?: string;
  session?: string;
  text?: string;
  limit?: number;
}

export function addIssueFilter(command: Command): Command {
  const open = STATUSES.slice(0, 2);
  const statusWords = `only these, comma separated: ${STATUS_NAMES.join(", ")}; or ${ALL}`;
  return command
    .addOption(new Option("--status <list>", statusWords).argParser(statuses).default(open, "open,in-progress"))
    .option("--priority <list>", `only these, comma separated: ${PRIORITIES.toReversed().join(", ")}`, priorities)
    .option("--assignee <user>", "only what this one has to do")
    .addOption(new Option("--unassigned", "only what nobody has").conflicts("assignee"))
    .option("--label <label>", "only with this label; may be repeated: with all of them", collect)
    .option("--alert <id>", "only what is linked to this alert; its first letters are enough")
    .option("--device <name>", "only what is linked to this device")
    .option("--session <id>", "only what is linked to this session")
    .option("--text <words>", "only with these words in title or description, whatever their case")
    .option(
      "--limit <count>",
      "at most so many (default: 100 in a table, all with --json)",
      integerArgument(1, LIMIT_MAX),
    );
}

export async function issuesWanted(
  connection: Connection,
  flags: FilterFlags,
  options: { readonly signal: AbortSignal },
): Promise<IssuesWanted> {
  const { status, priority = [], unassigned, label = [], device = "", session = "", text = "" } = flags;
  const assignee = unassigned ? "" : flags.assignee;
  const [alertId = ""] = flags.alert === undefined ? [] : await alertIds(connection, [flags.alert], options);
  return {
    statuses: [...status],
    priorities: [...priority],
    labels: [...label],
    ...(assignee === undefined ? {} : { assignee }),
    alertId,
    device,
    sessionId: session,
    text,
  };
}

export interface LinkFlags {
  alert?: readonly string[];
  device?: readonly string[];
  annotation?: readonly string[];
}

export function addLinkOptions(command: Command): Command {
  return command
    .option("--alert <id>", "an alert it is about; its first letters are enough; may be repeated", collect)
    .option("--device <name>", "a device it is about; may be repeated", collect)
    .option("--annotation <id>", "an annotation it is about; may be repeated", collect);
}

export async function linksGiven(
  connection: Connection,
  { alert = [], device = [], annotation = [] }: LinkFlags,
  options: { readonly signal: AbortSignal },
) {
  const alerts = alert.length === 0 ? [] : await alertIds(connection, alert, options);
  return { alertIds: alerts, devices: [...device], annotationIds: [...annotation] };
}

export function priorityArgument(text: string): string {
  const known = PRIORITIES.find((priority) => priority === text.trim().toLowerCase());
  if (known !== undefined) return known;
  throw new InvalidArgumentError(`wanted ${PRIORITIES.join(", ")}`);
}

export function statusArgument(text: string): IssueStatus {
  const known = statusOfWord(text);
  if (known !== undefined) return known;
  throw new InvalidArgumentError(`wanted ${STATUS_NAMES.join(", ")}`);
}

/** "12" or "#12". */
export function numberArgument(text: string): bigint {
  const [, digits] = /^#?([1-9]\d{0,15})$/.exec(text) ?? [];
  if (digits !== undefined) return BigInt(digits);
  throw new InvalidArgumentError("wanted the number of an issue, as watchpost issues shows it");
}

export function numbersArgument(text: string, all: readonly bigint[] = []): bigint[] {
  return [...all, numberArgument(text)];
}

export function collect(text: string, all: readonly string[] = []): string[] {
  if (text.trim() === "") throw new InvalidArgumentError("wanted a name");
  return [...all, text];
}

async function alertIds(
  connection: Connection,
  names: readonly string[],
  options: { readonly signal: AbortSignal },
): Promise<string[]> {
  return (await findAlerts(connection, names, options)).map(({ id }) => id);
}

function statuses(text: string): readonly IssueStatus[] {
  if (text.trim().toLowerCase() === ALL) return [];
  const named = text.split(",").map((one) => statusOfWord(one));
  if (named.every((status) => status !== undefined)) return named;
  throw new InvalidArgumentError(`wanted ${STATUS_NAMES.join(", ")}, comma separated, or ${ALL}`);
}

function priorities(text: string, all: readonly string[] = []): string[] {
  return [...all, ...text.split(",").map(priorityArgument)];
}
