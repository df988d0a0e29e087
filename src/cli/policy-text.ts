/** Whom to tell of alerts, as text for people. Pure. */
import pc from "picocolors";
import type {
  EscalationPolicy,
  EscalationStep,
  Inhibited,
  InhibitionRule,
  ListPoliciesResponse,
  OnCallSchedule,
  PreviewRoutingResponse,
  Route,
  RoutedTo,
} from "../wire/gen/receivers_pb.ts";
import { secondOf } from "./alert-text.ts";
import { textTable } from "./text-table.ts";
import { printable } from "./watch-table.ts";

interface RouteRow {
  readonly route: Route;
  readonly depth: number;
}

/** A table of each kind that there is any of, under a line for it. */
export function policiesText({ route, inhibitions, escalations, schedules }: ListPoliciesResponse): string {
  const routes = route === undefined ? "nobody is told: the rules file has no receivers\n" : routesTable(route);
  const parts = [
    titled("routes", routes),
    titled("inhibition", inhibitionsTable(inhibitions)),
    ...escalations.map((policy) => titled(policyWords(policy), stepsTable(policy.steps))),
    titled("schedules", schedulesTable(schedules)),
  ];
  return parts.filter((part) => part !== "").join("\n");
}

/** A table of receivers, then what would hold that back, then steps of escalation. */
export function routingText(answer: PreviewRoutingResponse): string {
  const { routed, silenceIds, inhibited, inactive, escalationSteps } = answer;
  const held = [
    ...silenceIds.map((id) => `silence ${printable(id)}`),
    ...(inhibited === undefined ? [] : [inhibitedBy(inhibited)]),
    ...(inactive ? ["the times of its rule"] : []),
  ];
  const heldBack = held.map((by) => `nobody now, held back by ${by}\n`).join("");
  const table = routedTable(routed) || "nobody is told: the rules file has no receivers\n";
  return `${heldBack}${table}${titled("by escalation", stepsTable(escalationSteps))}`;
}

function inhibitedBy({ alertId, title }: Inhibited): string {
  return alertId === "" ? "an alert that you do not see" : `alert ${printable(alertId)}: ${printable(title)}`;
}

function routedTable(routed: readonly RoutedTo[]): string {
  return textTable<RoutedTo>(
    [
      { title: "RECEIVER", cell: ({ receiver }) => printable(receiver) },
      { title: "BY", cell: ({ channels }) => listed(channels) },
      { title: "ROUTE", cell: ({ matchers }) => printable(matchers.join(" / ")) || "the first" },
      { title: "WITH", cell: ({ groupLabels }) => listed(Object.entries(groupLabels).map((label) => label.join("="))) },
      { title: "WITHIN", right: true, cell: ({ groupWait }) => groupWait },
      { title: "AGAIN", right: true, cell: ({ repeatInterval }) => repeatInterval },
    ],
    routed,
  );
}

function titled(title: string, text: string): string {
  return text === "" ? "" : `${pc.bold(title)}\n${text}`;
}

function routesTable(root: Route): string {
  return textTable<RouteRow>(
    [
      { title: "ALERTS WITH", cell: ({ route, depth }) => "  ".repeat(depth) + alertsOf(route, depth) },
      { title: "RECEIVER", cell: ({ route }) => printable(route.receiver) },
      { title: "TOGETHER BY", cell: ({ route }) => listed(route.groupBy) },
      { title: "WAIT", right: true, cell: ({ route }) => route.groupWait },
      { title: "INTERVAL", right: true, cell: ({ route }) => route.groupInterval },
      { title: "REPEAT", right: true, cell: ({ route }) => route.repeatInterval },
      { title: "", cell: ({ route }) => (route.continue ? "goes on" : "") },
    ],
    rowsOf(root, 0),
  );
}

function rowsOf(route: Route, depth: number): RouteRow[] {
  return [{ route, depth }, ...route.routes.flatMap((below) => rowsOf(below, depth + 1))];
}

function alertsOf({ matchers }: Route, depth: number): string {
  if (matchers.length > 0) return printable(matchers.join(" "));
  return depth === 0 ? "anything" : "anything of the above";
}

function inhibitionsTable(inhibitions: readonly InhibitionRule[]): string {
  return textTable<InhibitionRule>(
    [
      { title: "WHILE", cell: ({ sourceMatchers }) => printable(sourceMatchers.join(" ")) },
      { title: "NOT TOLD", cell: ({ targetMatchers }) => printable(targetMatchers.join(" ")) },
      { title: "SAME", cell: ({ equal }) => listed(equal) },
    ],
    inhibitions,
  );
}

function policyWords({ name, repeat, repeatAfter, ackTimeout, rules }: EscalationPolicy): string {
  const words = [
    `escalation ${printable(name)}`,
    ...(repeat > 0 ? [`${repeat + 1} times, ${repeatAfter} between`] : []),
    ...(ackTimeout === "" ? [] : [`again ${ackTimeout} after an acknowledgement`]),
    `named by ${rules.toLocaleString("en-US")} ${rules === 1n ? "rule" : "rules"}`,
  ];
  return words.join(", ");
}

function stepsTable(steps: readonly EscalationStep[]): string {
  return textTable<EscalationStep>(
    [
      { title: "AFTER", right: true, cell: ({ after }) => after },
      { title: "TELLS", cell: ({ notify }) => listed(notify) },
      { title: "TELLS NOW", cell: ({ tellsNow }) => listed(tellsNow) },
      { title: "RAISES TO", cell: ({ raiseSeverity }) => printable(raiseSeverity) || "-" },
    ],
    steps,
  );
}

function schedulesTable(schedules: readonly OnCallSchedule[]): string {
  return textTable<OnCallSchedule>(
    [
      { title: "SCHEDULE", cell: ({ name }) => printable(name) },
      { title: "ON CALL", cell: ({ onCall }) => printable(onCall) },
      { title: "UNTIL", cell: ({ until }) => secondOf(until) },
      { title: "SHIFTS OF", right: true, cell: ({ shiftHours }) => `${shiftHours}h` },
      { title: "IN TURN", cell: ({ participants }) => listed(participants) },
      { title: "ZONE", cell: ({ zone }) => printable(zone) },
    ],
    schedules,
  );
}

function listed(names: readonly string[]): string {
  return printable(names.join(", ")) || "-";
}
