/**
 * Rules as people and programs write them: fields by their names in `proto/rules.proto`, in YAML, in a message and in
 * what is stored. One reading of all of them, so that the same is right, wrong and left out everywhere.
 */
import { formatDurationMs } from "../model/duration.ts";
import { METRIC_NAME_LENGTH_MAX, TAG_KEY_BYTES_MAX } from "../model/limits.ts";
import { whereOfMatcher } from "../model/where.ts";
import { activeTimeField, activeTimeInputOf } from "./active-time-input.ts";
import { conditionField, conditionInputOf, kindsIn } from "./condition-input.ts";
import { defaultTitle } from "./default-title.ts";
import { choice, durationMs, field, flag, list, optional, optionalText, text, type Field } from "./input/fields.ts";
import { inputError, problemsOf, shown } from "./input/problem.ts";
import { record, type Given, type Report } from "./input/record.ts";
import { labelsField } from "./labels-input.ts";
import { OPENINGS, type Condition, type Rule } from "./rule.ts";
import { SEVERITIES } from "./severity.ts";
import { compileTemplate, DESCRIPTION_LENGTH_MAX } from "./template.ts";
import { whereField } from "./where-input.ts";

const NAME = /^[A-Za-z0-9._-]{1,128}$/;
const NAME_WANTED = "1 to 128 letters, digits, '-', '_' and '.'";
/** A glob may name several. */
const METRIC_LENGTH_MAX = 4 * METRIC_NAME_LENGTH_MAX;
const METRIC_WANTED = `a metric's name or a glob of at most ${METRIC_LENGTH_MAX} characters`;
const GROUP_KEYS_MAX = 16;
const ACTIVE_TIMES_MAX = 16;
const TITLE_TEMPLATE_LENGTH_MAX = 1_024;
const RUNBOOK_LENGTH_MAX = 2_048;

const groupKey = text(
  `"source", "device", "metric" or a tag's name`,
  (given) => given !== "" && Buffer.byteLength(given) <= TAG_KEY_BYTES_MAX,
);

/** `lengthMax` is of the template; what comes out of it has a bound of its own. */
function template(wanted: string, lengthMax: number, forbidden: RegExp): Field<string> {
  return field(`${wanted} of at most ${lengthMax} characters`, (given) => {
    if (typeof given !== "string" || given.length > lengthMax || !given.isWellFormed() || forbidden.test(given)) {
      return undefined;
    }
    compileTemplate(given);
    return given;
  });
}

const fields = {
  name: text(NAME_WANTED, (given) => NAME.test(given)),
  metric: optionalText(
    text(METRIC_WANTED, (given) => given.length <= METRIC_LENGTH_MAX),
    "",
  ),
  where: whereField,
  group_by: list("keys", groupKey, 0, GROUP_KEYS_MAX),
  condition: conditionField,
  severity: optionalText(choice(...SEVERITIES), undefined),
  for: optionalText(durationMs(0), 0),
  keep_firing_for: optionalText(durationMs(0), 0),
  late_after: optionalText(durationMs(1), undefined),
  notify_late: optional(flag(), false),
  no_data: optionalText(choice("keep", "fire", "resolve"), "keep"),
  active_times: list("times", activeTimeField, 0, ACTIVE_TIMES_MAX),
  title: optionalText(template("a line of text", TITLE_TEMPLATE_LENGTH_MAX, /\p{Cc}/u), undefined),
  description: optionalText(template("text", DESCRIPTION_LENGTH_MAX, /\0/), ""),
  labels: labelsField,
  runbook: optionalText(text(`a link of at most ${RUNBOOK_LENGTH_MAX} characters, http:// or https://`, isLink), ""),
  escalation: optionalText(
    text(`a policy's name: ${NAME_WANTED}`, (given) => NAME.test(given)),
    "",
  ),
  opens: list("things to open", choice(...OPENINGS), 0, OPENINGS.length),
  disabled: optional(flag(), false),
};

/** Reads a rule; `isFromFile` is false. */
export const ruleField: Field<Rule> = record({
  fields,
  check: (given, _read, report) => {
    checkKind(given, report);
    checkGroup(given["group_by"], report);
  },
  build: (read) => {
    const { condition } = read;
    const groupBy = groupOf(read.group_by, condition);
    return {
      name: read.name,
      metric: read.metric,
      matchers: read.where,
      groupBy,
      condition,
      severity: condition.kind === "ladder" ? condition.steps[0].severity : (read.severity ?? "medium"),
      holdMs: read.for,
      keepFiringMs: read.keep_firing_for,
      lateAfterMs: read.late_after,
      notifyLate: read.notify_late,
      noData: read.no_data,
      activeTimes: read.active_times,
      title: read.title ?? defaultTitle(condition, groupBy),
      description: read.description,
      labels: read.labels,
      runbook: read.runbook,
      escalation: read.escalation,
      opens: OPENINGS.filter((each) => read.opens.includes(each)),
      isDisabled: read.disabled,
      isFromFile: false,
    };
  },
});

/**
 * The rule that was written, with defaults. Throws INVALID_ARGUMENT with a violation for everything that is wrong with
 * it; fields begin with `root`.
 */
export function ruleOf(input: unknown, root = "rule"): Rule {
  const { data, error } = ruleField.safeParse(input);
  if (error === undefined) return data;
  throw inputError(problemsOf(error), root, "INVALID_ARGUMENT");
}

/** What {@link ruleOf} reads it from, with all that is in force, so that people see it. */
export function ruleInputOf(rule: Rule): Given {
  const { condition, lateAfterMs } = rule;
  const isOfDevices = condition.kind === "device";
  const hasMetric = condition.kind !== "watchdog" && !isOfDevices;
  return {
    name: rule.name,
    ...(hasMetric ? { metric: rule.metric } : {}),
    where: rule.matchers.map(whereOfMatcher),
    group_by: isOfDevices ? [] : (rule.groupBy ?? []),
    condition: conditionInputOf(condition),
    ...(condition.kind === "ladder" ? {} : { severity: rule.severity }),
    for: formatDurationMs(rule.holdMs),
    keep_firing_for: formatDurationMs(rule.keepFiringMs),
    ...(lateAfterMs === undefined ? {} : { late_after: formatDurationMs(lateAfterMs) }),
    notify_late: rule.notifyLate,
    no_data: rule.noData,
    active_times: rule.activeTimes.map(activeTimeInputOf),
    title: rule.title,
    description: rule.description,
    labels: rule.labels,
    runbook: rule.runbook,
    escalation: rule.escalation,
    opens: rule.opens,
    disabled: rule.isDisabled,
  };
}

/** Sorted, so that the order they are written in makes no difference. */
function groupOf(keys: readonly string[], { kind }: Condition): string[] | undefined {
  if (keys.length > 0) return keys.toSorted();
  return kind === "absence" || kind === "device" ? ["device"] : undefined;
}

/** What a condition does not need, or needs. */
function checkKind(given: Given, report: Report): void {
  const kinds = kindsIn(given["condition"]);
  if (kinds.includes("ladder") && isWritten(given["severity"])) {
    report(["severity"], `is ${shown(given["severity"])}; wanted none: the steps of a ladder have their own`);
  }
  const whole = kinds.find((kind) => UNGROUPED[kind] !== undefined);
  if (whole === undefined) {
    if (!isWritten(given["metric"])) report(["metric"], `is missing; wanted ${METRIC_WANTED}`);
    return;
  }
  const { keys, why } = UNGROUPED[whole]!;
  for (const key of keys) if (isWritten(given[key])) report([key], `is ${shown(given[key])}; wanted none: ${why}`);
}

/** Conditions that are not of series, and what they do not need therefore. */
const UNGROUPED: Partial<Record<Condition["kind"], { readonly keys: readonly string[]; readonly why: string }>> = {
  watchdog: { keys: ["metric", "where", "group_by"], why: "a watchdog looks at no series" },
  device: { keys: ["metric", "group_by"], why: "it is looked at by device, and at no series" },
};

function isWritten(given: unknown): boolean {
  return given !== undefined && given !== "" && !(Array.isArray(given) && given.length === 0);
}

function checkGroup(written: unknown, report: Report): void {
  const keys: unknown[] = Array.isArray(written) ? written : [];
  for (const [i, key] of keys.entries()) {
    if (keys.indexOf(key) < i) report(["group_by", i], `is ${shown(key)}; wanted another key than before`);
  }
}

function isLink(given: string): boolean {
  const protocol = /[\s\p{Cc}]/u.test(given) ? undefined : URL.parse(given)?.protocol;
  return given.length <= RUNBOOK_LENGTH_MAX && (protocol === "http:" || protocol === "https:");
}
