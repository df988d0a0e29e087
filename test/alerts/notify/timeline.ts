/**
 * Timelines in plain text: settings in YAML, a line of dashes, then what happens when, and behind ">" what comes of it.
 *
 *     10s fire a Hot high rack=1          an alert, its rule, its severity and labels; also as below, and absence=DEVICE
 *     20s set a severity=critical ack=yes window=closed late=yes grace=0s
 *     30s resolve a
 *     30s silence s from=1m for=1h all severity=high
 *     30s expire s
 *     40s receiver ops fails              or hangs, or works, which ends what hangs
 *     50s clock -1h
 *     50s restart                         as after kill -9
 *     60s end
 *     > 30s ops new {rack="1"}: a:critical b ~c +3 again [2 silenced]
 *
 * Severities are shown where they are not high, "~" stands before what is over, "+3" for as many left out.
 */
import type { AlertFacts } from "../../../src/alerts/notify/alert-facts.ts";
import type { Delivery } from "../../../src/alerts/notify/delivery.ts";
import { parseMatcher } from "../../../src/alerts/notify/label-matcher.ts";
import type { NotifiedAlert } from "../../../src/alerts/notify/notification.ts";
import { notifyConfigOf } from "../../../src/alerts/notify/notify-config-input.ts";
import type { NotifyEvent } from "../../../src/alerts/notify/notify-event.ts";
import { labelsText } from "../../../src/alerts/notify/route.ts";
import type { Severity } from "../../../src/alerts/severity.ts";
import { formatDurationMs, parseDurationMs } from "../../../src/model/duration.ts";
import { changed, makeAlert, resolved } from "./make-alert.ts";
import { Rig, type ReceiverState } from "./rig.ts";

/** The tree of devices: what stands above each. */
const ABOVE: Readonly<Record<string, readonly string[]>> = {
  "dev-1": ["gw-1", "site"],
  "dev-2": ["gw-1", "site"],
  "dev-3": ["gw-2", "site"],
  "gw-1": ["site"],
  "gw-2": ["site"],
};

/** The text with what comes of it, in place of what it says. */
export function playTimeline(text: string, restartsAfterEveryStep: boolean): string {
  const [settings, timeline] = text.split(/^---$/m);
  const out: string[] = [];
  const rig = new Rig({
    config: notifyConfigOf(Bun.YAML.parse(settings)),
    restartsAfterEveryStep,
    parentsOf: ({ device = "" }) => ABOVE[device] ?? [],
    onDelivery: (delivery, atMs) => out.push(`> ${formatDurationMs(atMs)} ${deliveryText(delivery)}`),
    onEvent: (event, atMs) => out.push(`> ${formatDurationMs(atMs)} ${eventText(event)}`),
  });
  const alerts = new Map<string, AlertFacts>();
  for (const line of timeline.trim().split("\n")) {
    if (line.startsWith(">")) continue;
    const [at, ...words] = line.split(" ");
    const isEvent = /^\d/.test(at);
    if (isEvent) rig.goTo(parseDurationMs(at));
    out.push(line);
    if (isEvent) perform(words, rig, alerts);
  }
  return `${settings}---\n${out.join("\n")}\n`;
}

function perform([verb, id, ...words]: readonly string[], rig: Rig, alerts: Map<string, AlertFacts>): void {
  const put = (alert: AlertFacts) => {
    alerts.set(id, alert);
    rig.put(alert);
  };
  switch (verb) {
    case "fire": {
      const [rule, severity, ...pairs] = words;
      const { absence = "", grace = "0s", window = "open", ack = "no", late = "no", ...labels } = pairsOf(pairs);
      const facts = { ...factsOf({ grace, window, ack, late }), absenceOf: absence };
      return put(makeAlert({ id, rule, severity: severity as Severity, labels, startsAtMs: rig.wallMs, ...facts }));
    }
    case "set":
      return put(changed(alerts.get(id)!, factsOf(pairsOf(words))));
    case "resolve":
      return put(resolved(alerts.get(id)!, rig.wallMs));
    case "silence":
      return silence(id, words, rig);
    case "expire":
      return rig.do((notifier, nowMs) => void notifier.expireSilence(id, nowMs));
    case "receiver":
      return rig.receiver(id, words[0] as ReceiverState);
    case "clock":
      return rig.setClock(id.startsWith("-") ? -parseDurationMs(id.slice(1)) : parseDurationMs(id.slice(1)));
    case "restart":
      return rig.restart();
    case "end":
      return;
    default:
      throw new Error(`a timeline says ${JSON.stringify(verb)}; wanted one of its verbs`);
  }
}

function silence(id: string, words: readonly string[], rig: Rig): void {
  const matchers = words.filter((word) => word !== "all" && !/^(for|from)=/.test(word)).map(parseMatcher);
  const { for: length = "1h", from = "0s" } = pairsOf(words.filter((word) => /^(for|from)=/.test(word)));
  const startsAtMs = rig.wallMs + parseDurationMs(from);
  const endsAtMs = startsAtMs + parseDurationMs(length);
  const given = { id, matchers, startsAtMs, endsAtMs, author: "kim", comment: "", isForAll: words.includes("all") };
  rig.do((notifier, nowMs) => void notifier.putSilence(given, nowMs));
}

function pairsOf(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(words.map((word) => word.split("=") as [string, string]));
}

function factsOf({ severity, ack, window, grace, late }: Record<string, string>): Partial<AlertFacts> {
  return {
    ...(severity !== undefined && { severity: severity as Severity }),
    ...(ack !== undefined && { isAcknowledged: ack === "yes" }),
    ...(window !== undefined && { isRuleActive: window === "open" }),
    ...(grace !== undefined && { graceMs: parseDurationMs(grace) }),
    ...(late !== undefined && { isLateSilent: late === "yes" }),
  };
}

export function deliveryText({ notification, receiver, reason, muted }: Delivery): string {
  const { alerts, truncatedAlerts, groupLabels, isRepeated } = notification;
  const left = Object.entries(muted).filter(([, count]) => count > 0);
  const parts = [
    ...alerts.map(alertText),
    ...(truncatedAlerts > 0 ? [`+${truncatedAlerts}`] : []),
    ...(isRepeated ? ["again"] : []),
    ...(left.length > 0 ? [`[${left.map(([kind, count]) => `${count} ${kind}`).join(", ")}]`] : []),
  ];
  return `${receiver} ${reason} ${labelsText(groupLabels)}: ${parts.join(" ")}`;
}

function alertText({ id, severity, status }: NotifiedAlert): string {
  return `${status === "resolved" ? "~" : ""}${id}${severity === "high" ? "" : `:${severity}`}`;
}

function eventText(event: NotifyEvent): string {
  const ids = event.alertIds.join(" ");
  switch (event.kind) {
    case "failedThrice":
      return `failedThrice ${event.receiver} ${event.groupKey}: ${ids}`;
    case "silenceEnding":
      return `silenceEnding ${event.silence.id} in ${formatDurationMs(event.inMs)}: ${ids}`;
    case "silenceEnded":
      return `silenceEnded ${event.silence.id}: ${ids}`;
  }
}
