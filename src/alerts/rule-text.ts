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
 * episodes of the rule end, also where a later version makes another of it. The severity belongs to it because it decides whom an alert calls and what an
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
  return JSON.stringify(
    said({
      metric,
      where: conditions,
      group_by,
      condition,
      severity,
      for: hold,
      keep_firing_for,
      late_after,
      no_data,
    }),
  );
}

/**
 * With keys in order, and without fields that are off or empty: one that a later version brings, and that is so by default,
 * leaves the text as it was. One with another default has to be left out where it is that.
 */
function said(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(said);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([, each]) => !isOff(each));
  return Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => [key, said(each)]));
}

/** 0 is a limit like others. */
function isOff(value: unknown): boolean {
  const isEmpty = Array.isArray(value) && value.length === 0;
  return isEmpty || value === undefined || value === false || value === "" || value === "0s";
}
