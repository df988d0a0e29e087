/** `watchpost alerts`: what is active, what was, and what happens. */
import { Command } from "commander";
import { allAlerts } from "../client/alerts.ts";
import type { Connection } from "../client/connection.ts";
import { AlertState, type Alert } from "../wire/gen/alerts_pb.ts";
import { addAlertOptions, alertsWanted, isLive, type AlertFlags } from "./alert-flags.ts";
import { alertJson } from "./alert-json.ts";
import { activeTable, clearedTable } from "./alert-table.ts";
import { gravestFirst, severityCounts } from "./alert-text.ts";
import { addServerOption, connectTo, interruptSignal, wholeMsArgument } from "./client-flags.ts";
import { watchAlerts } from "./watch-alerts.ts";

const SHOWN_MAX = 100;
const HELP = `
Names of sources and rules may be globs (*, ?) with alternatives (a|b); quote them. SINCE is when the condition began to
hold. To do something about an alert, give the first letters of its ID to watchpost ack, resolve, assign or comment.

A live list goes on by itself when the server restarts, and misses nothing. Into a pipe it is a line for each change; with
--json each line is an Alert as SubscribeAlerts sends it with updates, see docs/alerts.md.

Examples:
  watchpost alerts
  watchpost alerts --watch --severity critical,high
  watchpost alerts --cleared --last 24h --rule 'press-*'
  watchpost alerts --for 8h --json > shift.jsonl
  watchpost alerts --unacknowledged --source 'gw-7' --json | jq -r .id | xargs -r watchpost ack -m 'gateway is down'`;

interface Flags extends AlertFlags {
  server: string;
  json?: boolean;
}

export function alertsCommand(): Command {
  return addAlertOptions(addServerOption(new Command("alerts")))
    .summary("what is active, what was, and live what happens")
    .description("Lists alerts that are active, the gravest first; with --watch live, until Ctrl-C.")
    .option("--watch", "live, until Ctrl-C")
    .option("--for <duration>", "live for this time, then a summary", wholeMsArgument)
    .option("--json", "a JSON line for every alert, live for every change")
    .addHelpText("after", HELP)
    .action((flags: Flags) => (isLive(flags) ? watchAlerts(flags) : list(flags)));
}

async function list(flags: Flags): Promise<void> {
  const nowMs = Date.now();
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  try {
    if (!flags.cleared) await listActive(connection, flags, nowMs, signal);
    if (flags.all && !flags.json) console.log();
    if (flags.cleared || flags.all) await listCleared(connection, flags, nowMs, signal);
  } finally {
    connection.close();
  }
}

async function listActive(connection: Connection, flags: Flags, nowMs: number, signal: AbortSignal): Promise<void> {
  const wanted = alertsWanted(flags, AlertState.ACTIVE, nowMs);
  const active = (await Array.fromAsync(allAlerts(connection, wanted, { signal }))).sort(gravestFirst);
  if (flags.json) process.stdout.write(active.slice(0, flags.limit).map(alertJson).join(""));
  else tellActive(active, flags);
}

async function listCleared(connection: Connection, flags: Flags, nowMs: number, signal: AbortSignal): Promise<void> {
  // They come in the order in which they are shown; one more tells whether that is all.
  const limitMax = flags.json ? (flags.limit ?? Infinity) : (flags.limit ?? SHOWN_MAX) + 1;
  const alerts = allAlerts(connection, alertsWanted(flags, AlertState.CLEARED, nowMs), { signal, limitMax });
  if (flags.json) for await (const alert of alerts) process.stdout.write(alertJson(alert));
  else tellCleared(await Array.fromAsync(alerts), flags);
}

function tellActive(active: readonly Alert[], flags: Flags): void {
  if (active.length === 0) {
    const hint = flags.all ? "" : "; --cleared shows those that are over";
    return console.log(isNarrowed(flags) ? "no active alert matches" : `no alert is active${hint}`);
  }
  const shown = active.slice(0, flags.limit ?? SHOWN_MAX);
  for (const line of activeTable(shown, Date.now())) console.log(line);
  const acknowledged = active.filter((alert) => alert.acknowledged).length;
  const taken = acknowledged === 0 ? "" : `; ${acknowledged.toLocaleString("en-US")} acknowledged`;
  const more = shown.length < active.length ? `; the first ${shown.length} are shown, --limit shows more` : "";
  console.log(`${active.length.toLocaleString("en-US")} active: ${severityCounts(active)}${taken}${more}`);
}

function tellCleared(found: readonly Alert[], flags: Flags): void {
  if (found.length === 0) return console.log(isNarrowed(flags) ? "no alert that is over matches" : "no alert is over");
  const shown = found.slice(0, flags.limit ?? SHOWN_MAX);
  for (const line of clearedTable(shown)) console.log(line);
  if (shown.length < found.length) console.log(`the last ${shown.length}; --limit shows more`);
}

/** Whether something may have been left out. */
function isNarrowed({ severity, source, rule, acknowledged, unacknowledged, from, to, last }: Flags): boolean {
  return [severity, source, rule, acknowledged, unacknowledged, from, to, last].some((flag) => flag !== undefined);
}
