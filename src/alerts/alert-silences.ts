import type { AlertRecord } from "./alert.ts";
import type { Labels } from "./notify/label-matcher.ts";
import type { Silence } from "./notify/silence.ts";
import { testOfSilence, type TestOfScope } from "./notify/silences.ts";

/** Those that held the alert back for some of the time in which it fired, the one that began first first. Pure. */
export function silencesOf(alert: AlertRecord, all: Iterable<Silence>, isIn: TestOfScope, nowMs: number): Silence[] {
  const endMs = alert.clearedAtMs ?? nowMs;
  const labels = matchedLabels(alert);
  return [...all]
    .filter(({ startsAtMs, endsAtMs }) => startsAtMs <= endMs && endsAtMs > alert.firedAtMs && endsAtMs > startsAtMs)
    .filter((silence) => testOfSilence(silence, isIn)(labels))
    .sort((a, b) => a.startsAtMs - b.startsAtMs || (a.id < b.id ? -1 : 1));
}

interface Matched extends Pick<AlertRecord, "labels" | "rule"> {
  readonly severity: string;
}

/** What matchers of silences see of an alert. */
export function matchedLabels({ labels, rule, severity }: Matched): Labels {
  return { ...labels, alertname: rule, severity };
}
