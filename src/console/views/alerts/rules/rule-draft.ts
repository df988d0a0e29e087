/** A rule that is being written: as a form, or as the JSON of what the form does not know. Kept while one looks elsewhere. */
import { create } from "@bufbuild/protobuf";
import { RuleSchema, type Rule } from "../../../../wire/gen/rules_pb.ts";
import type { Problem } from "../problems.ts";
import { formOfRule, isWhollyKnown, jsonOfRule, ruleOfForm, ruleOfJson, type RuleForm } from "./rule-form.ts";

export type RuleDraft =
  { readonly kind: "form"; readonly form: RuleForm } | { readonly kind: "json"; readonly text: string };

/** What is kept of an editor that was left. */
export interface KeptDraft {
  readonly draft: RuleDraft;
  /** The rule as it was when the draft was begun: what others have saved since is not to be lost. */
  readonly begun: Rule;
}

export interface DraftedRule {
  /** Undefined: the text is none. */
  readonly rule: Rule | undefined;
  readonly problems: readonly Problem[];
}

/** Of rules by their names, "" of a new one; forgotten with the page. */
const kept = new Map<string, KeptDraft>();

export function keptDraft(name: string): KeptDraft | undefined {
  return kept.get(name);
}

/** Undefined: it is saved, or thrown away. */
export function keepDraft(name: string, draft: KeptDraft | undefined): void {
  if (draft === undefined) kept.delete(name);
  else kept.set(name, draft);
}

export function draftOf(rule: Rule): RuleDraft {
  return isWhollyKnown(rule) ? { kind: "form", form: formOfRule(rule) } : asJson(rule);
}

export function asJson(rule: Rule): RuleDraft {
  return { kind: "json", text: jsonOfRule(rule) };
}

export function ruleOfDraft(draft: RuleDraft): DraftedRule {
  if (draft.kind === "form") return ruleOfForm(draft.form);
  const rule = ruleOfJson(draft.text);
  if (typeof rule !== "string") return { rule, problems: [] };
  return { rule: undefined, problems: [{ field: "rule", text: rule }] };
}

export function newRule(metric: string, where: readonly string[]): Rule {
  return create(RuleSchema, {
    ...{ metric, where: [...where], severity: "medium", for: "1m" },
    condition: { threshold: {} },
  });
}

/** Whether there is enough of it to be tested: what is missing at first is no mistake. */
export function isTestable({ metric, condition }: Rule): boolean {
  if (condition?.device !== undefined || condition?.watchdog !== undefined) return true;
  if (metric === "") return false;
  const { threshold, window, rate, nOfM, ladder, range } = condition ?? {};
  const limit = threshold ?? window ?? rate ?? nOfM;
  if (limit !== undefined) return limit.above !== undefined || limit.below !== undefined;
  if (range !== undefined) return range.low !== undefined && range.high !== undefined;
  return ladder === undefined || ladder.steps.every(({ above, below }) => above !== undefined || below !== undefined);
}
