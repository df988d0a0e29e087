/** `watchpost rules list`: rules, what they watch for, and how they stand. */
import { toJson } from "@bufbuild/protobuf";
import { Command } from "commander";
import { allRules } from "../client/rules.ts";
import { RuleSchema, type RuleInfo } from "../wire/gen/rules_pb.ts";
import { conditionWords, severityWords } from "../wire/rule-words.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { textTable, type Column } from "./text-table.ts";
import { printable } from "./watch-table.ts";

const HELP = `
SERIES is how many series a rule is bound to, PENDING on how many of its alerts the hold runs, FIRING how many are active.
JSON lines have the fields of a rules file, these three, and "trouble" where a rule's escalation policy is not there.

Examples:
  watchpost rules list
  watchpost rules list press- --json | jq -r 'select(.series == 0) | .name'    # rules that no series matches`;

export function rulesListCommand(): Command {
  return addServerOption(new Command("list"))
    .summary("which rules there are, and how they stand")
    .description("Lists rules in order of their names: what they watch for, and how they stand.")
    .argument("[prefix]", "what names begin with", "")
    .option("--json", "a JSON line for every rule")
    .addHelpText("after", HELP)
    .action(list);
}

async function list(prefix: string, flags: { server: string; json?: boolean }): Promise<void> {
  const connection = connectTo(flags.server);
  try {
    const rules = await Array.fromAsync(allRules(connection, prefix, { signal: interruptSignal() }));
    if (flags.json) process.stdout.write(rules.map(jsonLine).join(""));
    else process.stdout.write(textTable(columnsOf(rules), rules) || `${nothing(prefix)}\n`);
  } finally {
    connection.close();
  }
}

function nothing(prefix: string): string {
  if (prefix === "") return "there are no rules; watchpost rules apply FILE puts some";
  return `no rule begins with ${JSON.stringify(prefix)}`;
}

function jsonLine({ rule, series, pending, firing, trouble }: RuleInfo): string {
  const fields = toJson(RuleSchema, rule!, { useProtoFieldName: true }) as object;
  const counts = { series: Number(series), pending: Number(pending), firing: Number(firing) };
  return `${JSON.stringify({ ...fields, ...counts, ...(trouble === "" ? {} : { trouble }) })}\n`;
}

function columnsOf(rules: readonly RuleInfo[]): Column<RuleInfo>[] {
  const count = (title: string, of: (info: RuleInfo) => bigint): Column<RuleInfo> => {
    return { title, right: true, cell: (info) => of(info).toLocaleString("en-US") };
  };
  return [
    { title: "NAME", cell: ({ rule }) => printable(rule!.name) },
    { title: "SEVERITY", cell: ({ rule }) => printable(severityWords(rule!)) },
    { title: "METRIC", cell: ({ rule }) => printable(rule!.metric) || "-" },
    { title: "CONDITION", cell: ({ rule }) => printable(conditionWords(rule!)) },
    count("SERIES", ({ series }) => series),
    count("PENDING", ({ pending }) => pending),
    count("FIRING", ({ firing }) => firing),
    ...(rules.some((info) => notesOf(info) !== "") ? [{ title: "", cell: notesOf }] : []),
  ];
}

function notesOf({ rule, trouble }: RuleInfo): string {
  const notes = [...(rule!.disabled ? ["disabled"] : []), ...(rule!.fromFile ? ["from file"] : [])];
  return [...notes, ...(trouble === "" ? [] : [printable(trouble)])].join(", ");
}
