/**
 * Rules as text: how they are stored, and what tells whether two are about the same. Stored are the fields that people
 * write, all of them, so that later versions read what older ones wrote.
 */
import { messageOf, WatchpostError } from "../model/errors.ts";
import { ruleInputOf, ruleOf } from "./rule-input.ts";
import type { Rule } from "./rule.ts";

const keys = new WeakMap<Rule, string>();

/** Without whether it comes from a file: those are not stored. */
export function ruleToJson(rule: Rule): string {
  return JSON.stringify(ruleInputOf(rule));
}

/** Inverse of {@link ruleToJson}. Throws DATA_LOSS with what is wrong. */
export function ruleFromJson(text: string): Rule {
  try {
    return ruleOf(JSON.parse(text));
  } catch (error) {
    throw new WatchpostError("DATA_LOSS", `a stored rule cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * Equal for two rules that fire at the same times with the same severity, whatever they say: where it changes, the
 * episodes of the rule end. The severity belongs to it because it decides whom an alert calls and what an
 * acknowledgement covers. Made once for each rule.
 */
export function conditionKey(rule: Rule): string {
  let key = keys.get(rule);
  if (key === undefined) keys.set(rule, (key = conditionKeyOf(rule)));
  return key;
}

function conditionKeyOf(rule: Rule): string {
  const { metric, where, group_by, condition, severity, ...others } = ruleInputOf(rule);
  const { for: hold, keep_firing_for, late_after, no_data } = others;
  const conditions = [...new Set(where as string[])].sort();
  return JSON.stringify([
    metric,
    conditions,
    group_by,
    condition,
    severity,
    hold,
    keep_firing_for,
    late_after,
    no_data,
  ]);
}
