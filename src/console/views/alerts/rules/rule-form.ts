/**
 * Rules as the form has them, and back. Pure. The form knows a rule wholly where it makes the same of it: any other is
 * shown as JSON, so that nothing is lost.
 */
import { create, equals, fromJsonString, toBinary, toJson } from "@bufbuild/protobuf";
import { RuleSchema, type Rule } from "../../../../wire/gen/rules_pb.ts";
import { conditionForm, conditionOfForm, type ConditionForm } from "./condition-form.ts";
import { hasMetric } from "./condition-kinds.ts";
import type { Problem } from "../problems.ts";

export interface ActiveTimeForm {
  /** "mon-fri, sun". */
  readonly days: string;
  readonly from: string;
  readonly to: string;
  readonly zone: string;
}

export interface RuleForm extends ConditionForm {
  readonly name: string;
  readonly metric: string;
  readonly where: readonly string[];
  readonly groupBy: readonly string[];
  readonly severity: string;
  readonly for: string;
  readonly keepFiringFor: string;
  readonly lateAfter: string;
  readonly notifyLate: boolean;
  readonly noData: string;
  readonly activeTimes: readonly ActiveTimeForm[];
  readonly title: string;
  readonly description: string;
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly runbook: string;
  readonly escalation: string;
  readonly opens: readonly string[];
  readonly disabled: boolean;
  readonly fromFile: boolean;
}

export interface RuleOfForm {
  readonly rule: Rule;
  /** What cannot be put into a rule at all; the rest is for the server to judge. */
  readonly problems: readonly Problem[];
}

export const OPENINGS: readonly string[] = ["session", "issue"];
const DAYS_BETWEEN = ", ";

export function formOfRule(rule: Rule): RuleForm {
  const { name, metric, where, groupBy, severity, keepFiringFor, lateAfter, notifyLate, noData, opens } = rule;
  const { title, description, runbook, escalation, disabled, fromFile } = rule;
  return {
    ...conditionForm(rule.condition),
    ...{ name, metric, severity, keepFiringFor, lateAfter, notifyLate, noData, title, description, runbook },
    ...{ escalation, disabled, fromFile, for: rule.for, where: [...where], groupBy: [...groupBy], opens: [...opens] },
    labels: Object.entries(rule.labels),
    activeTimes: rule.activeTimes.map(({ days, from, to, zone }) => {
      return { days: days.join(DAYS_BETWEEN), from, to, zone };
    }),
  };
}

export function ruleOfForm(form: RuleForm): RuleOfForm {
  const problems: Problem[] = [];
  const condition = conditionOfForm(form, problems);
  const { labels, activeTimes, opens, kind, severity, metric } = form;
  const trimmed = labels.map(([name, value]) => [name.trim(), value] as const).filter(([name, value]) => name + value);
  for (const [i, [name]] of trimmed.entries()) {
    const isTwice = trimmed.findIndex(([other]) => other === name) < i;
    const said = name === "" ? "a label has no name" : `there are two labels ${JSON.stringify(name)}`;
    if (isTwice || name === "") problems.push({ field: "rule.labels", text: said });
  }
  const rule = create(RuleSchema, {
    name: form.name.trim(),
    metric: hasMetric(kind) ? metric.trim() : "",
    where: filled(form.where),
    groupBy: kind === "device" ? [] : filled(form.groupBy),
    condition,
    severity: kind === "ladder" ? "" : severity,
    for: form.for.trim(),
    keepFiringFor: form.keepFiringFor.trim(),
    lateAfter: form.lateAfter.trim(),
    notifyLate: form.notifyLate,
    noData: form.noData,
    activeTimes: activeTimes.map(({ days, from, to, zone }) => {
      return { days: filled(days.split(",")), from: from.trim(), to: to.trim(), zone: zone.trim() };
    }),
    title: form.title,
    description: form.description,
    labels: Object.fromEntries(trimmed),
    runbook: form.runbook.trim(),
    escalation: form.escalation,
    opens: OPENINGS.filter((each) => opens.includes(each)),
    disabled: form.disabled,
    fromFile: form.fromFile,
  });
  return { rule, problems };
}

/** Whether the form can show all of it, and would save the same. */
export function isWhollyKnown(rule: Rule): boolean {
  const { rule: again, problems } = ruleOfForm(formOfRule(rule));
  if (problems.length > 0) return false;
  // Byte by byte, fields of later versions among them.
  const [given, made] = [toBinary(RuleSchema, rule), toBinary(RuleSchema, again)];
  return given.length === made.length && given.every((byte, i) => byte === made[i]);
}

/** With the names that rules files have. */
export function jsonOfRule(rule: Rule): string {
  const { from_file: _, ...json } = toJson(RuleSchema, rule, { useProtoFieldName: true }) as Record<string, unknown>;
  return JSON.stringify(json, null, 2);
}

/** A rule, or what is wrong with the text. */
export function ruleOfJson(text: string): Rule | string {
  try {
    return fromJsonString(RuleSchema, text);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function filled(texts: readonly string[]): string[] {
  return texts.map((text) => text.trim()).filter((text) => text !== "");
}

/** The fields a change of which ends the alerts of a rule. */
const DECIDING = [
  ...(["metric", "where", "groupBy", "condition", "severity", "for", "keepFiringFor", "lateAfter", "noData"] as const),
  "disabled",
] as const;

/** Whether saving `after` in place of `before` ends what fires. */
export function endsAlerts(before: Rule, after: Rule): boolean {
  const decided = (rule: Rule) =>
    create(RuleSchema, Object.fromEntries(DECIDING.map((name) => [name, rule[name]])) as object);
  return !equals(RuleSchema, decided(before), decided(after));
}
