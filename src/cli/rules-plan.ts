/** What makes the rules of a server those of some files: pure, from both to steps. */
import { create } from "@bufbuild/protobuf";
import { messageOfRule, ruleOfMessage } from "../alerts/rule-message.ts";
import { conditionKey } from "../alerts/rule-text.ts";
import type { Rule } from "../alerts/rule.ts";
import { RuleSchema, type Rule as RuleMessage, type RuleInfo } from "../wire/gen/rules_pb.ts";
import { fieldsOf } from "./rule-yaml.ts";

export interface RuleStep {
  readonly action: "create" | "change" | "keep" | "delete";
  readonly name: string;
  /** To be put; undefined where it is to be kept or deleted. */
  readonly rule?: RuleMessage;
  /** Those that differ, by their names in a file. */
  readonly fields: readonly string[];
  /** How many active alerts end with it. */
  readonly ends: bigint;
  /** It would be another rule than the server's own file has. */
  readonly isOfServerFile: boolean;
}

/** In the order of `wanted`; then, with `prunes`, what the server has beside them and not from a file of its own. */
export function planRules(
  wanted: readonly Rule[],
  standing: readonly RuleInfo[],
  { prunes }: { readonly prunes: boolean },
): RuleStep[] {
  const known = new Map(standing.map((info) => [info.rule!.name, info]));
  const steps = wanted.map((rule) => stepOf(rule, known.get(rule.name)));
  if (!prunes) return steps;
  const names = new Set(wanted.map(({ name }) => name));
  const others = standing.filter(({ rule }) => !rule!.fromFile && !names.has(rule!.name));
  return [
    ...steps,
    ...others.map(({ rule, firing }): RuleStep => {
      return { action: "delete", name: rule!.name, fields: [], ends: firing, isOfServerFile: false };
    }),
  ];
}

/** "ended 2 alerts", or nothing where there were none. */
export function endedWords(verb: string, count: bigint): string[] {
  return count === 0n ? [] : [`${verb} ${count.toLocaleString("en-US")} ${count === 1n ? "alert" : "alerts"}`];
}

function stepOf(rule: Rule, standing: RuleInfo | undefined): RuleStep {
  const message = create(RuleSchema, messageOfRule({ ...rule, isFromFile: false }));
  const step = { name: rule.name, rule: message, fields: [], ends: 0n, isOfServerFile: false };
  if (standing === undefined) return { ...step, action: "create" };
  const [before, after] = [fieldsOf(standing.rule!), fieldsOf(message)];
  const fields = Object.keys({ ...before, ...after }).filter((key) => !Bun.deepEquals(before[key], after[key]));
  if (fields.length === 0) return { action: "keep", name: rule.name, fields, ends: 0n, isOfServerFile: false };
  const ends = isAboutTheSame(rule, standing.rule!) ? 0n : standing.firing;
  return { ...step, action: "change", fields, ends, isOfServerFile: standing.rule!.fromFile };
}

/** Alerts go on then. */
function isAboutTheSame(rule: Rule, standing: RuleMessage): boolean {
  return rule.isDisabled === standing.disabled && conditionKey(rule) === conditionKey(ruleOfMessage(standing));
}
