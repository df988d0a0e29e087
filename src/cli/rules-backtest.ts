/** `watchpost rules backtest`: what rules would have done with what is stored, and who would have been told. */
import { statSync } from "node:fs";
import { create } from "@bufbuild/protobuf";
import { Command, Option } from "commander";
import pc from "picocolors";
import { messageOfRule } from "../alerts/rule-message.ts";
import type { Connection } from "../client/connection.ts";
import { allRules } from "../client/rules.ts";
import { testRule } from "../client/test-rule.ts";
import { WatchpostError } from "../model/errors.ts";
import { compileGlob } from "../model/glob.ts";
import { RuleSchema, type Rule, type TestRuleResponse } from "../wire/gen/rules_pb.ts";
import { timestampOfMs } from "../wire/timestamp.ts";
import { addServerOption, connectTo, integerArgument, interruptSignal, wholeMsArgument } from "./client-flags.ts";
import { bothOf, episodeJson, episodesTable, NO_VERDICT, verdictOf, verdictWords } from "./episodes-text.ts";
import { nameOf, readRules } from "./read-rules.ts";
import { timeUsOf } from "./time-argument.ts";
import {
  notificationJson,
  notificationsTable,
  notificationWords,
  stepJson,
  stepsTable,
  stepWords,
} from "./told-text.ts";
import { printable } from "./watch-table.ts";

const LAST_MS = 86_400_000;
const [SHOWN_MAX, EPISODES_MAX] = [50, 100_000];
/** To count those that are not shown, too. */
const COUNTED_MAX = 10_000;
const TOLD_MAX = 10_000;
const NOBODY = "nobody is told of alerts: the server has no rules file that names receivers";
const HELP = `
What is named is a rules file, or else a rule of the server by its name, which may be a glob. Rules of a file need not be in
force, and nothing is changed, journaled or sent. The engine is the one that runs live; points count as having come at their
own time. What came before the range is not known to a rule, but for what is usual at an hour of the week.

Where the server's rules file names receivers, it is said who would have been told: by its routes, inhibit_rules, policies and
schedules as they are now, and the silences that \`silence list --expired\` shows. Nobody acknowledges, everything that is sent gets
there at once, and each rule is by itself: alerts of others neither inhibit nor join groups. TOLD is how long after it fired
somebody first was told of an alert, "-" where nobody was.

A rule that is disabled is tested as if it were not.

Examples:
  watchpost rules backtest draft.yaml --last 7d
  watchpost rules backtest press-hot --from 2026-03-01 --to 2026-03-08
  watchpost rules backtest 'press-*' --last 30d --json | jq -r 'select(.kind == "alert").rule' | sort | uniq -c
  watchpost rules backtest draft.yaml --json | jq -r 'select(.kind == "notification") | [.at, .receiver, .reason] | @tsv'`;

interface BacktestFlags {
  server: string;
  from?: string;
  to?: string;
  last?: number;
  limit?: number;
  json?: boolean;
}

/** Unix milliseconds. */
interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

export function rulesBacktestCommand(): Command {
  return addServerOption(new Command("backtest"))
    .summary("what rules would have done with what is stored")
    .description(
      "Says when rules, in force or not, would have fired over what is stored, and who would have been told.",
    )
    .argument("<file|name...>", "rules files (- is standard input), or names of rules of the server")
    .addOption(
      new Option("--last <duration>", "the last hours or days, such as 24h or 7d (default: 1d)")
        .argParser(wholeMsArgument)
        .conflicts(["from", "to"]),
    )
    .option("--from <time>", "beginning of the range: ISO 8601, a number since 1970, or before now such as -24h")
    .option("--to <time>", "end of the range (default: now)")
    .option(
      "--limit <count>",
      `of each rule at most so many alerts, and notifications up to ${TOLD_MAX} (default: ${SHOWN_MAX} in a table, ${COUNTED_MAX} with --json)`,
      integerArgument(1, EPISODES_MAX),
    )
    .option("--json", "a JSON line for every alert, notification and step of escalation, by its kind")
    .addHelpText("after", HELP)
    .action(backtest);
}

async function backtest(named: string[], flags: BacktestFlags): Promise<void> {
  const range = rangeOf(flags, Date.now());
  const files = named.filter(isFile);
  const drafts = await rulesOfFiles(files);
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  try {
    const inForce = await rulesInForce(
      connection,
      named.filter((name) => !isFile(name)),
      signal,
    );
    const rules = [...drafts, ...inForce];
    const limit = flags.limit ?? (flags.json ? COUNTED_MAX : SHOWN_MAX);
    let verdict = NO_VERDICT;
    let isAnybodyTold = false;
    for (const [i, rule] of rules.entries()) {
      const most = { episodesMax: Math.max(limit, COUNTED_MAX), toldMax: Math.min(limit, TOLD_MAX) };
      const answer = await testOf(connection, rule, range, most, signal);
      if (flags.json) tellJson(rule, answer, limit);
      else {
        if (i > 0) console.log();
        tell(rule, answer, range.toMs, limit);
      }
      verdict = bothOf(verdict, verdictOf(answer, range.toMs));
      isAnybodyTold ||= answer.hasReceivers;
    }
    if (flags.json) return;
    if (rules.length > 1) console.log(`\n${rules.length} rules: ${verdictWords(verdict)}`);
    if (verdict.alerts > 0 && !isAnybodyTold) console.log(pc.dim(NOBODY));
  } finally {
    connection.close();
  }
}

async function testOf(
  connection: Connection,
  rule: Rule,
  { fromMs, toMs }: TimeRange,
  most: { readonly episodesMax: number; readonly toldMax: number },
  signal: AbortSignal,
): Promise<TestRuleResponse> {
  const request = { rule, from: timestampOfMs(fromMs), to: timestampOfMs(toMs), ...most };
  try {
    return await testRule(connection, request, { signal });
  } catch (error) {
    if (!(error instanceof WatchpostError)) throw error;
    throw new WatchpostError(error.status, `${printable(rule.name)}: ${error.message}`, { cause: error });
  }
}

function tell(rule: Rule, answer: TestRuleResponse, toMs: number, limit: number): void {
  const { episodes, hasReceivers, notifications, escalations } = answer;
  console.log(`${pc.bold(printable(rule.name))}: ${verdictWords(verdictOf(answer, toMs))}${lookedAt(rule, answer)}`);
  process.stdout.write(episodesTable(episodes.slice(0, limit), toMs, hasReceivers));
  tellOfMore(episodes.length, limit, EPISODES_MAX);
  if (!hasReceivers || episodes.length === 0) return;
  console.log(notificationWords(answer));
  process.stdout.write(notificationsTable(notifications.slice(0, limit)));
  tellOfMore(answer.notificationsTotal, Math.min(limit, notifications.length), TOLD_MAX);
  if (escalations.length === 0) return;
  console.log(stepWords(answer));
  process.stdout.write(stepsTable(escalations.slice(0, limit)));
  tellOfMore(answer.escalationsTotal, Math.min(limit, escalations.length), TOLD_MAX);
}

/** A watchdog looks at nothing. */
function lookedAt({ condition }: Rule, { series, points, devices, deviceChanges }: TestRuleResponse): string {
  const count = (of: bigint, what: string) => `${of.toLocaleString("en-US")} ${what}`;
  if (condition?.watchdog !== undefined) return "";
  if (condition?.device !== undefined) {
    return ` (${count(devices, devices === 1n ? "device" : "devices")}, ${count(deviceChanges, deviceChanges === 1n ? "change" : "changes")})`;
  }
  return series === 0n ? " (no series matches)" : ` (${count(series, "series")}, ${count(points, "points")})`;
}

/** `max`: more there never are. */
function tellOfMore(count: number | bigint, shown: number, max: number): void {
  const more = shown < max ? "; --limit shows more" : "";
  if (count > shown) console.log(pc.yellow(`the first ${shown.toLocaleString("en-US")} are shown${more}`));
}

function tellJson(rule: Rule, answer: TestRuleResponse, limit: number): void {
  const { episodes, more, notifications, notificationsTotal, escalations, escalationsTotal } = answer;
  const shown = episodes.slice(0, limit);
  process.stdout.write(shown.map((episode) => episodeJson(rule.name, episode)).join(""));
  process.stdout.write(notifications.map((each) => notificationJson(rule.name, each)).join(""));
  process.stdout.write(escalations.map((each) => stepJson(rule.name, each)).join(""));
  if (more || shown.length < episodes.length) tellOfMoreThan(rule, shown.length, EPISODES_MAX, "alerts");
  if (notificationsTotal > notifications.length) {
    tellOfMoreThan(rule, notifications.length, TOLD_MAX, "notifications");
  }
  if (escalationsTotal > escalations.length) {
    tellOfMoreThan(rule, escalations.length, TOLD_MAX, "steps of escalation");
  }
}

function tellOfMoreThan({ name }: Rule, shown: number, max: number, what: string): void {
  const more = shown < max ? "; --limit gives more" : "";
  console.error(pc.yellow(`${printable(name)}: there were more ${what} than ${shown.toLocaleString("en-US")}${more}`));
}

function rangeOf({ from, to, last }: BacktestFlags, nowMs: number): TimeRange {
  const toMs = to === undefined ? nowMs : timeUsOf("--to", to, nowMs) / 1_000;
  const fromMs = from === undefined ? toMs - (last ?? LAST_MS) : timeUsOf("--from", from, nowMs) / 1_000;
  return { fromMs, toMs };
}

/** A rule may be named as a file is that is there: the file is meant then. */
function isFile(name: string): boolean {
  return name === "-" || statSync(name, { throwIfNoEntry: false })?.isFile() === true;
}

/** Throws with all that is wrong with any. */
async function rulesOfFiles(paths: readonly string[]): Promise<Rule[]> {
  const wrong: string[] = [];
  const rules: Rule[] = [];
  for (const path of new Set(paths)) {
    try {
      const read = await readRules(path);
      if (read.rules.length === 0) wrong.push(`${nameOf(path)} has no rules; wanted at least one`);
      rules.push(...read.rules.map((rule) => create(RuleSchema, messageOfRule({ ...rule, isFromFile: false }))));
    } catch (error) {
      if (!(error instanceof WatchpostError)) throw error;
      wrong.push(error.message);
    }
  }
  if (wrong.length > 0) throw new WatchpostError("FAILED_PRECONDITION", wrong.join("\n"));
  return rules;
}

async function rulesInForce(connection: Connection, names: readonly string[], signal: AbortSignal): Promise<Rule[]> {
  if (names.length === 0) return [];
  const infos = await Array.fromAsync(allRules(connection, "", { signal }));
  const wanted = new Set<Rule>();
  for (const name of names) {
    const matches = compileGlob(name);
    const found = infos.map(({ rule }) => rule!).filter((rule) => matches(rule.name));
    if (found.length === 0) {
      throw new WatchpostError("NOT_FOUND", `there is no file and no rule ${JSON.stringify(printable(name))}`);
    }
    for (const rule of found) wanted.add(rule);
  }
  return [...wanted];
}
