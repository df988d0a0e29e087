/** Who would have been told of a rule's alerts, as text: pure. */
import { toJson } from "@bufbuild/protobuf";
import pc from "picocolors";
import {
  RuleEscalationSchema,
  RuleNotificationSchema,
  type RuleEscalation,
  type RuleNotification,
  type TestRuleResponse,
  type ToldAlert,
} from "../wire/gen/rules_pb.ts";
import { painted, secondOf } from "./alert-text.ts";
import { textTable } from "./text-table.ts";
import { printable } from "./watch-table.ts";

/** "5 notifications: 3 to ops, 2 to on-call"; who gets most stands first. */
export function notificationWords({ notificationsTotal, notificationsByReceiver }: TestRuleResponse): string {
  if (notificationsTotal === 0n) return "no notification";
  const receivers = Object.entries(notificationsByReceiver).sort(([, a], [, b]) => Number(b - a));
  const parts = receivers.map(([name, count]) => `${count.toLocaleString("en-US")} to ${printable(name)}`);
  return `${counted(notificationsTotal, "notification", "notifications")}: ${parts.join(", ")}`;
}

/** "2 steps of escalation"; "" for none. */
export function stepWords({ escalationsTotal }: TestRuleResponse): string {
  return escalationsTotal === 0n ? "" : counted(escalationsTotal, "step of escalation", "steps of escalation");
}

/** A line for titles and one a notification, in the order given; "" for none. */
export function notificationsTable(notifications: readonly RuleNotification[]): string {
  return titled(
    textTable(
      [
        { title: "AT", cell: ({ at }: RuleNotification) => secondOf(at) },
        { title: "RECEIVER", cell: ({ receiver }) => printable(receiver) },
        { title: "CHANNEL", cell: ({ channel }) => printable(channel) },
        { title: "WHY", cell: ({ reason }) => printable(reason) },
        { title: "ALERTS", cell: (told) => alertsWords(told) + heldBackWords(told) },
      ],
      notifications,
    ),
  );
}

/** A line for titles and one a step, in the order given; "" for none. */
export function stepsTable(steps: readonly RuleEscalation[]): string {
  return titled(
    textTable(
      [
        { title: "AT", cell: ({ at }: RuleEscalation) => secondOf(at) },
        { title: "POLICY", cell: ({ policy }) => printable(policy) },
        { title: "STEP", cell: placeWords },
        { title: "TOLD", cell: ({ receivers }) => receivers.map(printable).join(", ") || "-" },
        { title: "RAISED TO", cell: ({ raisedSeverity }) => painted(raisedSeverity, printable(raisedSeverity) || "-") },
        { title: "ALERTS", cell: alertsWords },
      ],
      steps,
    ),
  );
}

/** A line: the message as JSON, with the name of its rule. */
export function notificationJson(rule: string, notification: RuleNotification): string {
  const message = toJson(RuleNotificationSchema, notification) as object;
  return `${JSON.stringify({ rule, kind: "notification", ...message })}\n`;
}

/** The same. */
export function stepJson(rule: string, step: RuleEscalation): string {
  return `${JSON.stringify({ rule, kind: "escalation", ...(toJson(RuleEscalationSchema, step) as object) })}\n`;
}

function counted(count: bigint, one: string, many: string): string {
  return `${count.toLocaleString("en-US")} ${count === 1n ? one : many}`;
}

/** The gravest, and how many more there are. */
function alertsWords({ alerts, alertsTotal }: Pick<RuleNotification, "alerts" | "alertsTotal">): string {
  const [first] = alerts;
  if (first === undefined) return "-";
  const more = alertsTotal > 1n ? `, and ${(alertsTotal - 1n).toLocaleString("en-US")} more` : "";
  return `${stateWord(first)}: ${printable(first.title)}${more}`;
}

function stateWord({ severity, resolved }: ToldAlert): string {
  return resolved ? pc.green("over") : painted(severity, printable(severity));
}

/** " (2 silenced, 1 inhibited)". */
function heldBackWords({ silenced, inhibited, inactive }: RuleNotification): string {
  const counts = [
    [silenced, "silenced"],
    [inhibited, "inhibited"],
    [inactive, "outside of active times"],
  ] as const;
  const parts = counts
    .filter(([count]) => count > 0n)
    .map(([count, word]) => `${count.toLocaleString("en-US")} ${word}`);
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}

/** "2", "2 of loop 3", "2 again", "none left". */
function placeWords({ step, loop, reminder, exhausted }: RuleEscalation): string {
  if (exhausted) return "none left";
  if (reminder) return `${step} again`;
  return loop > 1 ? `${step} of loop ${loop}` : String(step);
}

function titled(table: string): string {
  return table.replace(/^.+/, (titles) => pc.bold(titles));
}
