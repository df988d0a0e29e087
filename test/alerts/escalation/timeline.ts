/**
 * Timelines in plain text: policies and schedules in YAML, a line of dashes, then what happens when, and behind ">" what
 * comes of it. They begin on Monday, 2026-01-05, at midnight UTC.
 *
 *     10s fire a high plant incident=i        an alert, its severity and policy; its incident is its own where left out
 *     20s set a severity=critical ack=yes muted=yes incident=j policy=other
 *     30s fails ops a                         a receiver, three times in a row, for these alerts
 *     40s resolve a
 *     50s clock -1h
 *     50s restart                             as after kill -9
 *     50s sleep 1h                            the same, and an hour passes
 *     60s end
 *     > 10s i step 1 of loop 1 to anna, lead: a b
 */
import type { Action } from "../../../src/alerts/escalation/escalation-action.ts";
import { escalationConfigOf } from "../../../src/alerts/escalation/escalation-config-input.ts";
import type { EscalationFacts } from "../../../src/alerts/escalation/escalation-facts.ts";
import type { Severity } from "../../../src/alerts/severity.ts";
import { formatDurationMs, parseDurationMs } from "../../../src/model/duration.ts";
import { Rig } from "./rig.ts";

const RECEIVERS = ["anna", "ben", "cleo", "lead", "head", "ops"];
const REPEAT_INTERVAL_MS = 4 * 3_600_000;

/** The text with what comes of it, in place of what it says. */
export function playTimeline(text: string, restartsAfterEveryStep: boolean): string {
  const [settings, timeline] = text.split(/^---$/m);
  const out: string[] = [];
  const rig = new Rig({
    config: escalationConfigOf(Bun.YAML.parse(settings), {
      receivers: RECEIVERS,
      repeatIntervalMs: REPEAT_INTERVAL_MS,
    }),
    restartsAfterEveryStep,
    onAction: (action, atMs) => out.push(`> ${formatDurationMs(atMs)} ${actionText(action)}`),
  });
  for (const line of timeline.trim().split("\n")) {
    if (line.startsWith(">")) continue;
    const [at, ...words] = line.split(" ");
    const isEvent = /^\d/.test(at);
    if (isEvent) rig.goTo(parseDurationMs(at));
    out.push(line);
    if (isEvent) perform(words, rig);
  }
  return `${settings}---\n${out.join("\n")}\n`;
}

function perform([verb, id, ...words]: readonly string[], rig: Rig): void {
  switch (verb) {
    case "fire": {
      const [severity, policy, ...pairs] = words;
      const facts = makeFacts({ id, severity: severity as Severity, policy });
      return rig.put({ ...facts, ...given(pairs, rig.wallMs) });
    }
    case "set":
      return rig.put({ ...rig.alerts.get(id)!, ...given(words, rig.wallMs) });
    case "resolve":
      return rig.put({ ...rig.alerts.get(id)!, isFiring: false });
    case "fails":
      return rig.fails(id, words);
    case "clock":
      return rig.setClock(id.startsWith("-") ? -parseDurationMs(id.slice(1)) : parseDurationMs(id.slice(1)));
    case "restart":
      return rig.restart();
    case "sleep":
      return rig.sleep(parseDurationMs(id));
    case "end":
      return;
    default:
      throw new Error(`a timeline says ${JSON.stringify(verb)}; wanted one of its verbs`);
  }
}

/** One that fires, by itself, and that nobody has seen. */
export function makeFacts(facts: Partial<EscalationFacts> & Pick<EscalationFacts, "id">): EscalationFacts {
  return {
    incidentId: facts.id,
    policy: "plant",
    severity: "high",
    isFiring: true,
    isAcknowledged: false,
    ackAtMs: null,
    isMuted: false,
    ...facts,
  };
}

function given(words: readonly string[], nowMs: number): Partial<EscalationFacts> {
  const { ack, muted, severity, incident, policy } = Object.fromEntries(words.map((word) => word.split("=")));
  return {
    ...(ack !== undefined && { isAcknowledged: ack === "yes", ackAtMs: ack === "yes" ? nowMs : null }),
    ...(muted !== undefined && { isMuted: muted === "yes" }),
    ...(severity !== undefined && { severity: severity as Severity }),
    ...(incident !== undefined && { incidentId: incident }),
    ...(policy !== undefined && { policy }),
  };
}

export function actionText(action: Action): string {
  const { incidentId, alertIds } = action;
  return `${incidentId} ${whatOf(action)}: ${alertIds.join(" ")}`;
}

function whatOf(action: Action): string {
  switch (action.kind) {
    case "notify": {
      const { isReminder, step, loop, receivers } = action;
      return `${isReminder ? "reminder, " : ""}step ${step} of loop ${loop} to ${receivers.join(", ")}`;
    }
    case "raise":
      return `raised to ${action.severity}`;
    case "exhausted":
      return "exhausted";
  }
}
