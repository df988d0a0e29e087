/** Which rules a list shows. Pure. */
import type { RuleInfo } from "../../../../wire/gen/rules_pb.ts";
import { conditionWords } from "../../../../wire/rule-words.ts";

export const RULE_STATES = ["firing", "pending", "unknown", "quiet", "paused", "unbound", "trouble"] as const;
export type RuleState = (typeof RULE_STATES)[number];

export interface RuleFilter {
  /** In name, metric, condition or labels; all of the words. */
  readonly text: string;
  /** "": any, as of the others. */
  readonly severity: string;
  readonly state: string;
  /** "file" or "here". */
  readonly origin: string;
}

/** The gravest of what there is to say. */
export function stateOfRule({ rule, firing, pending, stale, series, trouble }: RuleInfo): RuleState {
  if (trouble !== "") return "trouble";
  if (rule!.disabled) return "paused";
  if (firing > stale) return "firing";
  if (stale > 0n) return "unknown";
  if (pending > 0n) return "pending";
  const isOfSeries = rule!.condition?.watchdog === undefined && rule!.condition?.device === undefined;
  return series === 0n && isOfSeries ? "unbound" : "quiet";
}

export function severitiesOf({ rule }: RuleInfo): string[] {
  const steps = rule!.condition?.ladder?.steps ?? [];
  return steps.length > 0 ? steps.map(({ severity }) => severity) : [rule!.severity];
}

export function filteredRules(rules: readonly RuleInfo[], filter: RuleFilter): RuleInfo[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  return rules.filter((info) => {
    if (filter.severity !== "" && !severitiesOf(info).includes(filter.severity)) return false;
    if (filter.state !== "" && stateOfRule(info) !== filter.state) return false;
    if (filter.origin !== "" && info.rule!.fromFile !== (filter.origin === "file")) return false;
    if (words.length === 0) return true;
    const haystack = haystackOf(info);
    return words.every((word) => haystack.includes(word));
  });
}

/** Of what was read once: there may be many, and each letter that is typed looks through all. */
const haystacks = new WeakMap<RuleInfo, string>();

function haystackOf(info: RuleInfo): string {
  const known = haystacks.get(info) ?? haystackOfRule(info);
  haystacks.set(info, known);
  return known;
}

function haystackOfRule({ rule }: RuleInfo): string {
  const { name, metric, where, labels, title, escalation } = rule!;
  const texts = [name, metric, ...where, conditionWords(rule!), title, escalation, ...Object.entries(labels).flat()];
  return texts.join("\n").toLowerCase();
}
