/**
 * Escalation policies and on-call schedules as they are written in YAML, beside the receivers that they name:
 *
 *     schedules:
 *       - name: plant-on-call
 *         zone: Europe/Berlin           # UTC where it is left out
 *         rotation: weekly              # daily, weekly, or whole hours: 12h
 *         start: "2026-01-05"           # of the first participant's first shift: here shifts change on Mondays
 *         handoff: "08:00"              # midnight where it is left out
 *         participants: [anna, ben, cleo]
 *         overrides:
 *           - { from: "2026-07-01T08:00", to: "2026-07-03T08:00", receiver: cleo }
 *     escalations:
 *       - name: plant
 *         steps:                        # `after`: unacknowledged for that long
 *           - { after: 0s, notify: [plant-on-call] }
 *           - { after: 15m, notify: [plant-on-call, lead] }
 *           - { after: 30m, notify: [lead, pager], raise_severity: critical }
 *         repeat: 2                     # all of it again, up to 5 times; 0 where it is left out
 *         repeat_after: 20m             # behind the last step; 30m where it is left out
 *         ack_timeout: 4h               # acknowledged and not resolved by then: from the start; never where left out
 *         repeat_interval: 1h           # reminders once all is through; that of the first route where left out
 *
 * A rule names its policy: `escalation: plant`.
 */
import { z } from "zod";
import { choice, durationMs, integer, list, optional, type Field } from "../input/fields.ts";
import { inputError, problemsOf, shown, type Problem } from "../input/problem.ts";
import { mapOf, record, type Report } from "../input/record.ts";
import { SEVERITIES } from "../severity.ts";
import {
  REPEAT_AFTER_MS,
  REPEAT_MAX,
  type EscalationConfig,
  type EscalationPolicy,
  type EscalationStep,
} from "./escalation-config.ts";
import { knownName, wantedName } from "./known-name.ts";
import { nameField, scheduleField } from "./on-call-input.ts";

const POLICIES_MAX = 1_000;
const SCHEDULES_MAX = 1_000;
const STEPS_MAX = 32;
const NOTIFIED_MAX = 64;
/** What comes again does so no sooner. */
const PAUSE_MS_MIN = 60_000;

/** What the sections stand beside. */
export interface EscalationSurroundings {
  /** Names of all receivers. */
  readonly receivers: readonly string[];
  /** Of the first route: how often is reminded where a policy does not say. */
  readonly repeatIntervalMs: number;
}

/**
 * Reads the sections `escalations` and `schedules`. Throws FAILED_PRECONDITION with all that is wrong: a line and a violation
 * each, with path, value and what was wanted.
 */
export function escalationConfigOf(input: unknown, surroundings: EscalationSurroundings): EscalationConfig {
  const { success, data, error } = escalationField(input, surroundings).safeParse(input);
  if (!success) throw inputError(problemsOf(error), "", "FAILED_PRECONDITION");
  return data;
}

/** Rules, in the order of the file, that name a policy that there is not; paths begin at the top of the file. */
export function unknownPolicies(
  rules: readonly { readonly escalation: string }[],
  { policies }: EscalationConfig,
): Problem[] {
  const names = policies.map(({ name }) => name);
  return rules.flatMap(({ escalation }, i): Problem[] => {
    if (escalation === "" || names.includes(escalation)) return [];
    const text = `is ${shown(escalation)}; ${wantedName("an escalation policy", escalation, names)}`;
    return [{ path: ["rules", i, "escalation"], text, isKey: false }];
  });
}

function escalationField(input: unknown, { receivers, repeatIntervalMs }: EscalationSurroundings) {
  const schedules = namesOf(mapOf(input)?.["schedules"]);
  const policies = namesOf(mapOf(input)?.["escalations"]);
  const policy = policyField([...receivers, ...schedules], repeatIntervalMs);
  return record({
    fields: {
      escalations: list("escalation policies", policy, 0, POLICIES_MAX),
      schedules: list("schedules", scheduleField(receivers), 0, SCHEDULES_MAX),
    },
    check: (_given, _read, report) => {
      checkNames("escalations", "policy", policies, report);
      checkNames("schedules", "schedule", schedules, report);
    },
    build: (read): EscalationConfig => ({ policies: read.escalations, schedules: read.schedules }),
  });
}

function policyField(notified: readonly string[], repeatIntervalMs: number): Field<EscalationPolicy> {
  const step = stepField(notified);
  return record({
    fields: {
      name: nameField,
      steps: list("steps", step, 1, STEPS_MAX),
      repeat: optional(integer(0, REPEAT_MAX), 0),
      repeat_after: optional(durationMs(PAUSE_MS_MIN), REPEAT_AFTER_MS),
      ack_timeout: optional(durationMs(PAUSE_MS_MIN), undefined),
      repeat_interval: optional(durationMs(PAUSE_MS_MIN), repeatIntervalMs),
    },
    check: (given, _read, report) => checkOrder(given["steps"], report),
    build: (read): EscalationPolicy => ({
      name: read.name,
      steps: read.steps,
      repeat: read.repeat,
      repeatAfterMs: read.repeat_after,
      ackTimeoutMs: read.ack_timeout,
      repeatIntervalMs: read.repeat_interval,
    }),
  });
}

function stepField(notified: readonly string[]): Field<EscalationStep> {
  return record({
    fields: {
      after: durationMs(0),
      notify: oneOrMore(
        list("receivers or schedules", knownName("a receiver or a schedule", notified), 0, NOTIFIED_MAX),
      ),
      raise_severity: optional(choice(...SEVERITIES), undefined),
    },
    check: (given, { notify }, report) => {
      const isNone = notify?.length === 0 && given["raise_severity"] === undefined;
      if (isNone) report(["notify"], "is missing; wanted receivers or schedules, or raise_severity");
    },
    build: (read): EscalationStep => ({
      afterMs: read.after,
      notify: read.notify,
      raiseSeverity: read.raise_severity,
    }),
  });
}

/** One by itself may stand without a list. */
function oneOrMore(many: Field<string[]>): Field<string[]> {
  return z.preprocess((given) => (typeof given === "string" ? [given] : given), many);
}

/** Steps come in the order in which they stand. */
function checkOrder(steps: unknown, report: Report): void {
  const field = durationMs(0);
  let before: string | undefined;
  let beforeMs = 0;
  for (const [i, step] of Array.isArray(steps) ? steps.entries() : []) {
    const written: unknown = mapOf(step)?.["after"];
    const { data: afterMs } = field.safeParse(written);
    if (afterMs === undefined) continue;
    if (afterMs < beforeMs) {
      report(["steps", i, "after"], `is ${shown(written)}; wanted no less than the step before, ${shown(before)}`);
    }
    [before, beforeMs] = [written as string, afterMs];
  }
}

/** Before they are checked, so that others can be held to them whatever else is wrong. */
function namesOf(items: unknown): string[] {
  if (!Array.isArray(items)) return [];
  return items.map((item: unknown) => String(mapOf(item)?.["name"] ?? ""));
}

function checkNames(section: string, what: string, names: readonly string[], report: Report): void {
  for (const [i, name] of names.entries()) {
    if (name === "" || names.indexOf(name) === i) continue;
    report([section, i, "name"], `is ${shown(name)}; wanted a name that no other ${what} has`);
  }
}
