/** Which alerts `watchpost alerts` shows, by its flags. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { SEVERITIES } from "../alerts/severity.ts";
import type { AlertsWanted } from "../client/alerts.ts";
import { WatchpostError } from "../model/errors.ts";
import { AlertState } from "../wire/gen/alerts_pb.ts";
import { timestampOfUs } from "../wire/timestamp.ts";
import { integerArgument, wholeMsArgument } from "./client-flags.ts";
import { timeUsOf } from "./time-argument.ts";

const LIMIT_MAX = 1_000_000;
/** What goes with lists alone. */
const OF_LISTS = ["cleared", "all", "from", "to", "last", "limit"] as const;

export interface AlertFlags {
  severity?: string[];
  source?: string[];
  rule?: string[];
  acknowledged?: boolean;
  unacknowledged?: boolean;
  cleared?: boolean;
  all?: boolean;
  from?: string;
  to?: string;
  last?: number;
  limit?: number;
  watch?: boolean;
  for?: number;
}

export function addAlertOptions(command: Command): Command {
  return command
    .option("--severity <list>", `only these, comma separated: ${SEVERITIES.toReversed().join(", ")}`, severities)
    .option("--source <glob>", "only of this source; may be repeated", collect)
    .option("--rule <glob>", "only of this rule; may be repeated", collect)
    .option("--acknowledged", "only those that somebody has acknowledged")
    .addOption(new Option("--unacknowledged", "only those that nobody has").conflicts("acknowledged"))
    .option("--cleared", "those that are over, the one that fired last first")
    .addOption(new Option("--all", "those that are active, then those that are over").conflicts("cleared"))
    .option("--from <time>", "that fired then or later: ISO 8601, a number since 1970, or before now such as -24h")
    .option("--to <time>", "that fired before then")
    .addOption(
      new Option("--last <duration>", "that fired in the last hours or days, such as 24h or 7d")
        .argParser(wholeMsArgument)
        .conflicts("from"),
    )
    .option("--limit <count>", "at most so many (default: 100 in a table, all with --json)", limitArgument);
}

/** Throws INVALID_ARGUMENT for what does not go with a live list. */
export function isLive(flags: AlertFlags): boolean {
  if (!flags.watch && flags.for === undefined) return false;
  const given = OF_LISTS.find((flag) => flags[flag] !== undefined);
  if (given === undefined) return true;
  const live = flags.watch ? "--watch" : "--for";
  const message = `--${given} and ${live} are given together; wanted one of them: ${live} shows what happens from now on`;
  throw new WatchpostError("INVALID_ARGUMENT", message);
}

/** For lists. */
export function alertsWanted(flags: AlertFlags, state: AlertState, nowMs: number): AlertsWanted {
  const { acknowledged, unacknowledged, from, to, last } = flags;
  const fromUs =
    last !== undefined ? (nowMs - last) * 1_000 : from === undefined ? undefined : timeUsOf("--from", from, nowMs);
  return {
    ...scopeOf(flags),
    state,
    ...(acknowledged ? { acknowledged: true } : unacknowledged ? { acknowledged: false } : {}),
    ...(fromUs === undefined ? {} : { from: timestampOfUs(fromUs) }),
    ...(to === undefined ? {} : { to: timestampOfUs(timeUsOf("--to", to, nowMs)) }),
  };
}

/** For streams, which know no "only acknowledged". */
export function subscriptionOf(flags: AlertFlags) {
  return { ...scopeOf(flags), includeAcknowledged: !flags.unacknowledged };
}

function scopeOf({ severity = [], source = [], rule = [] }: AlertFlags) {
  return { severities: severity, sources: source, rules: rule };
}

function severities(text: string, all: readonly string[] = []): string[] {
  const named = text.split(",").map((one) => one.trim().toLowerCase());
  const unknown = named.find((one) => !SEVERITIES.some((severity) => severity === one));
  if (unknown === undefined) return [...all, ...named];
  throw new InvalidArgumentError(`wanted ${SEVERITIES.toReversed().join(", ")}, comma separated`);
}

function collect(text: string, all: readonly string[] = []): string[] {
  if (text === "") throw new InvalidArgumentError("wanted a name or a glob");
  return [...all, text];
}

const limitArgument = integerArgument(1, LIMIT_MAX);
