import type { AlertRecord } from "./alert.ts";
import { compileMatchers } from "./notify/label-matcher.ts";
import type { Silence } from "./notify/silence.ts";

/** Those that held the alert back for some of the time in which it fired, the one that began first first. Pure. */
export function silencesOf(alert: AlertRecord, all: Iterable<Silence>, nowMs: number): Silence[] {
  const endMs = alert.clearedAtMs ?? nowMs;
  const labels = { ...alert.labels, alertname: alert.rule, severity: alert.severity };
  return [...all]
    .filter(({ startsAtMs, endsAtMs }) => startsAtMs <= endMs && endsAtMs > alert.firedAtMs && endsAtMs > startsAtMs)
    .filter(({ matchers }) => compileMatchers(matchers)(labels))
    .sort((a, b) => a.startsAtMs - b.startsAtMs || (a.id < b.id ? -1 : 1));
}
