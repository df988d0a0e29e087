/** `watchpost history`: what happened to one alert. */
import { toJson } from "@bufbuild/protobuf";
import { Command } from "commander";
import { getAlertHistory } from "../client/alerts.ts";
import {
  AlertChange,
  AlertEventSchema,
  AlertState,
  SilenceSchema,
  type Alert,
  type AlertEvent,
  type Silence,
} from "../wire/gen/alerts_pb.ts";
import { DeliveryAttemptSchema, type DeliveryAttempt } from "../wire/gen/receivers_pb.ts";
import { clearedWords } from "./alert-table.ts";
import { acknowledgerOf, changeWord, deviceOf, oneLine, painted, secondOf, titleOf } from "./alert-text.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { findAlerts } from "./find-alerts.ts";
import { textTable, type Column } from "./text-table.ts";
import { formatValue, printable } from "./watch-table.ts";

const HELP = `
The first letters of an ID are enough, as watchpost alerts shows them; also of alerts that are over, which
watchpost alerts --cleared lists. Times are UTC, those at which the server noticed.

Examples:
  watchpost history 70e3
  watchpost history 70e3 --json | jq -r 'select(.text) | .text'`;

export function historyCommand(): Command {
  return addServerOption(new Command("history"))
    .summary("what happened to an alert")
    .description(
      "Shows what happened to an alert, line by line: changes, acknowledgements, comments, silences, and who was told.",
    )
    .argument("<id>", "id of an alert; its first letters are enough")
    .option("--json", "a JSON line for everything that happened")
    .addHelpText("after", HELP)
    .action(history);
}

async function history(id: string, flags: { server: string; json?: boolean }): Promise<void> {
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  try {
    const [found] = await findAlerts(connection, [id], { signal });
    const {
      alert = found,
      events,
      more,
      deliveries,
      silences,
    } = await getAlertHistory(connection, found.id, { signal });
    if (more) console.error(`only the last ${events.length} changes are shown`);
    if (flags.json) {
      process.stdout.write(
        [...events.map(jsonLine), ...deliveries.map(deliveryLine), ...silences.map(silenceLine)].join(""),
      );
      return;
    }
    process.stdout.write(`${headOf(alert)}\n${textTable(columnsOf(alert), events)}`);
    if (silences.length > 0) process.stdout.write(`\n${textTable(SILENCE_COLUMNS, silences)}`);
    if (deliveries.length > 0) process.stdout.write(`\n${textTable(DELIVERY_COLUMNS, deliveries)}`);
  } finally {
    connection.close();
  }
}

function jsonLine(event: AlertEvent): string {
  return `${JSON.stringify(toJson(AlertEventSchema, event))}\n`;
}

/** It has a receiver, what happened to the alert a change. */
function deliveryLine(delivery: DeliveryAttempt): string {
  return `${JSON.stringify(toJson(DeliveryAttemptSchema, delivery))}\n`;
}

/** It has matchers. */
function silenceLine(silence: Silence): string {
  return `${JSON.stringify(toJson(SilenceSchema, silence))}\n`;
}

const SILENCE_COLUMNS: readonly Column<Silence>[] = [
  { title: "SILENCED", cell: ({ startsAt }) => secondOf(startsAt) },
  { title: "UNTIL", cell: ({ endsAt }) => secondOf(endsAt) },
  { title: "BY", cell: ({ author }) => printable(author || "-") },
  { title: "COMMENT", cell: ({ comment }) => oneLine(comment) },
];

const DELIVERY_COLUMNS: readonly Column<DeliveryAttempt>[] = [
  { title: "TIME", cell: ({ at }) => secondOf(at) },
  { title: "TOLD", cell: ({ receiver }) => printable(receiver) },
  { title: "CHANNEL", cell: ({ channel }) => printable(channel) },
  { title: "WHY", cell: ({ reason }) => printable(reason) },
  {
    title: "OUTCOME",
    cell: ({ attempt, outcome }) => oneLine(attempt > 1 ? `${outcome} (attempt ${attempt})` : outcome),
  },
];

function headOf(alert: Alert): string {
  const { id, rule, severity, state, acknowledged, assignee, runbook, description, labels } = alert;
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  const lines: [string, string][] = [
    ["Alert", titleOf(alert)],
    ["Id", printable(id)],
    ["Rule", printable(rule)],
    ["Severity", painted(severity, printable(severity))],
    ["State", state === AlertState.ACTIVE ? "active" : `cleared: ${clearedWords(alert)}`],
    ["Acknowledged", acknowledged ? `by ${acknowledgerOf(alert)}, ${secondOf(alert.acknowledgedAt)}` : ""],
    ["Assignee", printable(assignee)],
    ["Device", deviceOf(alert)],
    ["Labels", pairs.map(([key, value]) => printable(`${key}=${value}`)).join(" ")],
    ["Runbook", printable(runbook)],
    ["Description", description.split("\n").map(printable).join("\n              ")],
  ];
  const given = lines.filter(([, value]) => value !== "");
  return given.map(([title, value]) => `${title.padEnd(12)}  ${value}\n`).join("");
}

function columnsOf(alert: Alert): Column<AlertEvent>[] {
  return [
    { title: "TIME", cell: ({ at }) => secondOf(at) },
    { title: "WHAT", cell: ({ change }) => changeWord(change) },
    { title: "SEVERITY", cell: ({ severity }) => printable(severity) },
    { title: "VALUE", right: true, cell: ({ value }) => (Number.isNaN(value) ? "-" : formatValue(value)) },
    { title: "BY", cell: ({ userId }) => printable(userId) },
    { title: "", cell: (event) => textOf(event, alert) },
  ];
}

function textOf({ change, text }: AlertEvent, alert: Alert): string {
  const said = oneLine(text);
  if (change === AlertChange.ASSIGNED) return said === "" ? "to nobody" : `to ${said}`;
  // An alert is cleared once.
  if (change === AlertChange.CLEARED) return said === "" ? clearedWords(alert) : `${clearedWords(alert)}: ${said}`;
  return said;
}
