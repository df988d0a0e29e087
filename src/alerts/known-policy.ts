/** Rules and the escalation policies they name: those of calls outlive the rules file that has the policies. */
import { WatchpostError } from "../model/errors.ts";
import { closestName } from "../model/closest-name.ts";
import { shown } from "./input/problem.ts";
import type { Rule } from "./rule.ts";

const NAMES_SHOWN_MAX = 10;
const RULES_SHOWN_MAX = 10;

/** What is said of a rule whose policy is none of `policies`; "" where there is nothing to say. */
export function policyTrouble({ escalation }: Pick<Rule, "escalation">, policies: readonly string[]): string {
  if (escalation === "" || policies.includes(escalation)) return "";
  return `there is no escalation policy ${shown(escalation)}: its alerts do not escalate`;
}

/** Throws INVALID_ARGUMENT with the closest name, and what names there are. */
export function checkPolicy({ escalation }: Pick<Rule, "escalation">, policies: readonly string[]): void {
  if (escalation === "" || policies.includes(escalation)) return;
  const field = "rule.escalation";
  const description = `${field} is ${shown(escalation)}; ${wantedPolicy(escalation, policies)}`;
  throw new WatchpostError("INVALID_ARGUMENT", description, { violations: [{ field, description }] });
}

/** Goes on behind "is NAME; ". */
export function wantedPolicy(escalation: string, policies: readonly string[]): string {
  if (policies.length === 0) return "wanted none: the server's rules file has no escalation policies";
  const closest = closestName(escalation, policies);
  const wanted =
    closest === undefined ? "wanted an escalation policy of the server's rules file" : `did you mean ${closest}?`;
  return `${wanted} (${someOf([...policies].sort(), NAMES_SHOWN_MAX)})`;
}

/** A sentence on all of them; undefined where none names a policy that there is not. */
export function policiesTrouble(rules: Iterable<Rule>, policies: readonly string[]): string | undefined {
  const troubled = [...rules].filter((rule) => policyTrouble(rule, policies) !== "");
  if (troubled.length === 0) return undefined;
  const named = troubled.map(({ name, escalation }) => `${name} (${escalation})`);
  const what =
    troubled.length === 1 ? "a rule names an escalation policy" : `${troubled.length} rules name escalation policies`;
  return `${what} that the rules file does not have, and alerts do not escalate: ${someOf(named, RULES_SHOWN_MAX)}`;
}

function someOf(names: readonly string[], max: number): string {
  const more = names.length > max ? [`${names.length - max} more`] : [];
  return [...names.slice(0, max), ...more].join(", ");
}
