/** `watchpost rules apply`: makes the rules of files those of the server. */
import { Command } from "commander";
import pc from "picocolors";
import type { Problem } from "../alerts/input/problem.ts";
import { wantedPolicy } from "../alerts/known-policy.ts";
import type { Rule } from "../alerts/rule.ts";
import type { RulesFile } from "../alerts/rules-file.ts";
import type { Connection } from "../client/connection.ts";
import { allRules, deleteRule, listRules, putRule, type ChangeRuleOptions } from "../client/rules.ts";
import { WatchpostError } from "../model/errors.ts";
import type { Rule as RuleMessage } from "../wire/gen/rules_pb.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { confirmed } from "./confirmed.ts";
import { widest } from "./fit-text.ts";
import { nameOf, readRules } from "./read-rules.ts";
import { endedWords, planRules, type RuleStep } from "./rules-plan.ts";
import { addUserOption, userOf } from "./user-flag.ts";
import { printable } from "./watch-table.ts";

const HELP = `
All files are checked first: where anything is wrong, all of that is said with file, line and column, and nothing is sent.
A rule that is on the server as it is in the file is left alone. Where a change is about when a rule fires (metric, where,
group_by, condition, severity, for, keep_firing_for, late_after, no_data, disabled), its alerts end; other changes leave
them as they are. Applying again goes on where it broke off.

--prune deletes the rules of the server that are in none of the files, but never those from the server's own rules file.

Examples:
  watchpost rules apply rules.yaml --dry-run
  watchpost rules apply rules/*.yaml --prune --yes
  generate-rules | watchpost rules apply -`;

interface ApplyFlags {
  server: string;
  user?: string;
  prune?: boolean;
  dryRun?: boolean;
  yes?: boolean;
}

type Words = Readonly<Record<RuleStep["action"], string>>;

const DONE: Words = {
  create: "created",
  change: "changed",
  keep: "unchanged",
  delete: "deleted",
};
const PLANNED: Words = {
  create: "to create",
  change: "to change",
  keep: "unchanged",
  delete: "to delete",
};
const WORD_WIDTH = DONE.keep.length;

export function rulesApplyCommand(): Command {
  return addUserOption(addServerOption(new Command("apply")))
    .summary("make the rules of files those of the server")
    .description("Makes the rules of YAML files those of the server: creates what is new, changes what differs.")
    .argument("<file...>", "rules files; - is standard input")
    .option("--prune", "delete the rules that are in none of the files, after a question")
    .option("--dry-run", "only say what would be done")
    .option("--yes", "do not ask")
    .addHelpText("after", HELP)
    .action(apply);
}

async function apply(files: string[], flags: ApplyFlags): Promise<void> {
  const rules = await rulesOfFiles(files);
  refuseBlindPrune(rules, flags);
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  try {
    const standing = await Array.fromAsync(allRules(connection, "", { signal }));
    const steps = planRules(rules, standing, { prunes: flags.prune === true });
    refuseServerRules(steps);
    await refuseUnknownPolicies(connection, steps, signal);
    const nameWidth = widest(steps.map(({ name }) => name));
    const tell = (step: RuleStep, words: Words, more: readonly string[]) => {
      const line = `${words[step.action].padEnd(WORD_WIDTH)}  ${printable(step.name).padEnd(nameWidth)}`;
      const whole = [line, ...(step.fields.length === 0 ? [] : [step.fields.join(", ")]), ...more].join("  ").trimEnd();
      console.log(step.action === "keep" ? pc.dim(whole) : whole);
    };
    if (flags.dryRun) {
      for (const step of steps) tell(step, PLANNED, endedWords("ends", step.ends));
      return console.log(`${totalOf(steps, PLANNED)}; nothing was changed`);
    }
    if (!(await isPruneWanted(steps, flags, signal))) {
      process.exitCode = 1;
      return console.log("nothing was changed");
    }
    await send(connection, steps, (step, more) => tell(step, DONE, more), { signal, userId: userOf(flags) });
    console.log(totalOf(steps, DONE));
  } finally {
    connection.close();
  }
}

/** Of all files together, with a word on what else is in them; throws with all that is wrong with any. */
async function rulesOfFiles(files: readonly string[]): Promise<Rule[]> {
  const wrong: string[] = [];
  const notes: string[] = [];
  const rules = new Map<string, { readonly rule: Rule; readonly file: string }>();
  for (const path of new Set(files)) {
    const file = nameOf(path);
    try {
      const read = await readRules(path);
      if (read.passedOver.length > 0) notes.push(passedOverText(file, read.passedOver));
      for (const rule of withNewNames(read, rules)) rules.set(rule.name, { rule, file });
    } catch (error) {
      if (!(error instanceof WatchpostError)) throw error;
      wrong.push(error.message);
    }
  }
  if (wrong.length > 0) throw new WatchpostError("FAILED_PRECONDITION", `${wrong.join("\n")}\nnothing was changed`);
  for (const note of notes) console.error(pc.yellow(note));
  return [...rules.values()].map(({ rule }) => rule);
}

function passedOverText(file: string, sections: readonly string[]): string {
  const [what, counts] = sections.length === 1 ? ["this section", "counts"] : ["these sections", "count"];
  const where = "in the server's own rules file (alerts.rules_file)";
  return `${printable(file)}: ${sections.join(", ")}: only the rules are applied; ${what} ${counts} ${where} alone`;
}

function withNewNames(
  { rules, errorOf }: RulesFile<{}>,
  known: ReadonlyMap<string, { readonly file: string }>,
): readonly Rule[] {
  const problems = rules.flatMap(({ name }, i): Problem[] => {
    const before = known.get(name);
    if (before === undefined) return [];
    const text = `is ${JSON.stringify(name)}; wanted another name: ${before.file} has this one`;
    return [{ path: ["rules", i, "name"], text, isKey: false }];
  });
  if (problems.length > 0) throw errorOf(problems);
  return rules;
}

function refuseBlindPrune(rules: readonly Rule[], { prune, yes, dryRun }: ApplyFlags): void {
  if (!prune) return;
  if (rules.length === 0) {
    const message = "the files have no rules, and --prune would delete all that the server has: wanted at least one";
    throw new WatchpostError("FAILED_PRECONDITION", message);
  }
  if (yes || dryRun || process.stdin.isTTY === true) return;
  const message = "there is no terminal to ask whether to delete; say --yes to prune without asking, or --dry-run";
  throw new WatchpostError("FAILED_PRECONDITION", message);
}

function refuseServerRules(steps: readonly RuleStep[]): void {
  const names = steps.filter(({ isOfServerFile }) => isOfServerFile).map(({ name }) => JSON.stringify(name));
  if (names.length === 0) return;
  const message = `the server has ${names.join(", ")} from its own rules file, otherwise than here: change it there`;
  throw new WatchpostError("FAILED_PRECONDITION", `${message}\nnothing was changed`);
}

/** Before the first is sent: the server would refuse it in the middle of the others. */
async function refuseUnknownPolicies(
  connection: Connection,
  steps: readonly RuleStep[],
  signal: AbortSignal,
): Promise<void> {
  const named = steps.filter(({ rule }) => rule !== undefined && rule.escalation !== "");
  if (named.length === 0) return;
  const { escalations } = await listRules(connection, { limit: 1 }, { signal });
  const wrong = named.flatMap(({ name, rule }) => {
    const { escalation } = rule!;
    if (escalations.includes(escalation)) return [];
    return [`${name}: escalation is ${JSON.stringify(escalation)}; ${wantedPolicy(escalation, escalations)}`];
  });
  if (wrong.length > 0) throw new WatchpostError("FAILED_PRECONDITION", `${wrong.join("\n")}\nnothing was changed`);
}

async function isPruneWanted(steps: readonly RuleStep[], { yes }: ApplyFlags, signal: AbortSignal): Promise<boolean> {
  const going = steps.filter(({ action }) => action === "delete");
  if (yes || going.length === 0) return true;
  for (const { name, ends } of going) console.log(["  ", printable(name), ...endedWords(" ends", ends)].join(""));
  const what = going.length === 1 ? "this rule" : `these ${going.length.toLocaleString("en-US")} rules`;
  return confirmed(`Delete ${what}, which the files do not have? [y/N] `, signal);
}

async function send(
  connection: Connection,
  steps: readonly RuleStep[],
  told: (step: RuleStep, more: readonly string[]) => void,
  options: ChangeRuleOptions,
): Promise<void> {
  let done = 0;
  for (const step of steps) {
    try {
      if (step.rule !== undefined) {
        const { series } = await putRule(connection, step.rule, options);
        told(step, [...endedWords("ended", step.ends), ...seriesWords(step.rule, series)]);
      } else if (step.action === "delete") {
        told(step, endedWords("ended", (await deleteRule(connection, step.name, options)).ended));
      } else told(step, []);
      done++;
    } catch (error) {
      if (!(error instanceof WatchpostError) || steps.length === 1) throw error;
      const message = `${step.name}: ${error.message}; ${done} of ${steps.length} were done, apply again to go on`;
      throw new WatchpostError(error.status, message, { cause: error });
    }
  }
}

/** A watchdog has none, and what looks at devices. */
function seriesWords({ disabled, condition }: RuleMessage, series: bigint): string[] {
  if (disabled) return ["disabled"];
  if (condition?.watchdog !== undefined || condition?.device !== undefined) return [];
  return [series === 0n ? "no series matches yet" : `${series.toLocaleString("en-US")} series`];
}

function totalOf(steps: readonly RuleStep[], words: Words): string {
  const parts = (Object.keys(words) as RuleStep["action"][])
    .map((action) => ({ action, count: steps.filter((step) => step.action === action).length }))
    .filter(({ count }) => count > 0)
    .map(({ action, count }) => `${count.toLocaleString("en-US")} ${words[action]}`);
  const all = `${steps.length.toLocaleString("en-US")} ${steps.length === 1 ? "rule" : "rules"}`;
  return parts.length === 0 ? all : `${all}: ${parts.join(", ")}`;
}
