/** Which alerts a reader wants to see. */
import { invalidField } from "../model/errors.ts";
import { compileGlob, isGlob } from "../model/glob.ts";
import type { AlertRecord, Seen } from "./alert.ts";
import { SEVERITIES, type Severity } from "./severity.ts";

export interface AlertScope {
  /** What does not change while an alert lives. */
  takes(alert: Pick<AlertRecord, "source" | "rule" | "device">): boolean;
  /** What does. */
  sees(seen: Seen): boolean;
}

export interface ScopeRequest {
  readonly severities: readonly string[];
  readonly sources: readonly string[];
  readonly rules: readonly string[];
  /** Left out: all. */
  readonly devices?: readonly string[];
  /** Undefined: both. */
  readonly isAcknowledged?: boolean;
}

const PATTERNS_MAX = 1_000;
const PATTERN_LENGTH_MAX = 1_024;

/** Throws INVALID_ARGUMENT with the field, the value and what was wanted. */
export function alertScopeOf({ severities, sources, rules, devices = [], isAcknowledged }: ScopeRequest): AlertScope {
  const wanted = new Set(severities.map((severity, i) => severityIn(severity, `severities[${i}]`)));
  const takesSource = anyOf(sources, "sources");
  const takesRule = anyOf(rules, "rules");
  const takesDevice = anyOf(devices, "devices");
  return {
    takes: (alert) =>
      takesSource(alert.source) && takesRule(alert.rule) && (devices.length === 0 || takesDevice(alert.device)),
    sees: (seen) =>
      (wanted.size === 0 || wanted.has(seen.severity)) &&
      (isAcknowledged === undefined || seen.isAcknowledged === isAcknowledged),
  };
}

/** Throws INVALID_ARGUMENT where it is none. */
export function severityIn(text: string, field: string): Severity {
  const severity = SEVERITIES.find((one) => one === text);
  if (severity === undefined) throw invalidField(field, text, SEVERITIES.join(", "));
  return severity;
}

/** None: all. */
function anyOf(patterns: readonly string[], field: string): (text: string) => boolean {
  if (patterns.length > PATTERNS_MAX)
    throw invalidField(field, `${patterns.length} patterns`, `at most ${PATTERNS_MAX}`);
  for (const [i, pattern] of patterns.entries()) {
    if (pattern === "" || pattern.length > PATTERN_LENGTH_MAX) {
      throw invalidField(`${field}[${i}]`, pattern, `a name or glob of 1 to ${PATTERN_LENGTH_MAX} characters`);
    }
  }
  if (patterns.length === 0) return () => true;
  const exact = new Set(patterns.filter((pattern) => !isGlob(pattern)));
  const globs = patterns.filter(isGlob).map(compileGlob);
  return (text) => exact.has(text) || globs.some((matches) => matches(text));
}
