/** Alerts as a table: pure, from messages to text. */
import pc from "picocolors";
import { AlertState, type Alert } from "../wire/gen/alerts_pb.ts";
import { acknowledgerOf, ago, deviceOf, msOf, painted, secondOf, shortIds, titleOf } from "./alert-text.ts";
import { cut } from "./fit-text.ts";
import { textTable, type Column } from "./text-table.ts";
import { formatAge, printable } from "./watch-table.ts";

const DEVICE_WIDTH_MAX = 24;
const WHO_WIDTH_MAX = 16;
const TAKEN: Pick<Column<Alert>, "title" | "cell"> = {
  title: "ACK BY",
  cell: (alert) => cut(acknowledgerOf(alert), WHO_WIDTH_MAX),
};
const ASSIGNEE = { title: "ASSIGNEE", cell: ({ assignee }: Alert) => cut(printable(assignee), WHO_WIDTH_MAX) };
const DEVICE = { title: "DEVICE", cell: (alert: Alert) => cut(deviceOf(alert), DEVICE_WIDTH_MAX) };
const SOURCE = {
  title: "SOURCE",
  cell: ({ context }: Alert) => cut(printable(context["source"] ?? ""), DEVICE_WIDTH_MAX),
};

/** Lines for titles and alerts that are active, in the order given; the last column is cut to `width`. */
export function activeTable(alerts: readonly Alert[], nowMs: number, width = Infinity): string[] {
  const since = { title: "SINCE", cell: ({ since }: Alert) => ago(since, nowMs) };
  return tableOf(alerts, ({ severity }) => severity, [since, ...about(alerts)], width);
}

/** The same for alerts that are over, each with the gravest it has been. */
export function clearedTable(alerts: readonly Alert[]): string[] {
  const times: Column<Alert>[] = [
    { title: "FIRED", cell: ({ createdAt }) => secondOf(createdAt) },
    { title: "LASTED", cell: ({ createdAt, clearedAt }) => formatAge(msOf(clearedAt) - msOf(createdAt)) },
    { title: "CLEARED", cell: clearedWords },
  ];
  return tableOf(alerts, ({ severityMax }) => severityMax, [...times, ...about(alerts)], Infinity);
}

/** "by hand", "rule deleted", "resolved, late". */
export function clearedWords({ clearedReason, late }: Alert): string {
  const reason = printable(clearedReason.replaceAll("_", " "));
  return late ? `${reason}, late` : reason;
}

/** Without columns that say nothing; the title is last, so that it can be cut. */
function about(alerts: readonly Alert[]): Column<Alert>[] {
  const hasSources = alerts.some((alert) => SOURCE.cell(alert) !== "" && SOURCE.cell(alert) !== DEVICE.cell(alert));
  return [
    DEVICE,
    ...(hasSources ? [SOURCE] : []),
    TAKEN,
    ...(alerts.some(({ assignee }) => assignee !== "") ? [ASSIGNEE] : []),
    { title: "ALERT", cell: titleOf },
  ];
}

function tableOf(
  alerts: readonly Alert[],
  severityOf: (alert: Alert) => string,
  columns: readonly Column<Alert>[],
  width: number,
): string[] {
  const ids = shortIds(alerts.map(({ id }) => id));
  const first: Column<Alert>[] = [
    { title: "ID", cell: ({ id }) => printable(ids.get(id)!) },
    { title: "SEVERITY", cell: (alert) => printable(severityOf(alert)) },
  ];
  const lines = textTable([...first, ...columns], alerts)
    .split("\n")
    .slice(0, -1);
  return lines.map((line, i) => {
    const fitting = cut(line, width);
    if (i === 0) return pc.bold(fitting);
    const alert = alerts[i - 1];
    // What somebody looks after stands back.
    if (alert.acknowledged && alert.state === AlertState.ACTIVE) return pc.dim(fitting);
    // Ids have no word of a severity in them.
    return fitting.replace(severityOf(alert), (severity) => painted(severity));
  });
}
