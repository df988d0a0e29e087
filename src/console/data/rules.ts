/** The rules of the server, page after page. */
import type { RuleInfo } from "../../wire/gen/rules_pb.ts";
import { alertsApi } from "../api.ts";

export interface RuleList {
  /** In order of their names. */
  readonly rules: readonly RuleInfo[];
  /** Policies that rules can name. */
  readonly escalations: readonly string[];
  /** Where those come from that stand in a file; "": from none. */
  readonly rulesFile: string;
}

const A_PAGE = 5_000;

export async function readRules({ signal }: { signal: AbortSignal }): Promise<RuleList> {
  const rules: RuleInfo[] = [];
  for (let after = ""; ;) {
    const page = await alertsApi.listRules({ after, limit: A_PAGE }, { signal });
    rules.push(...page.rules);
    const last = page.rules.at(-1)?.rule?.name;
    if (!page.more || last === undefined) return { rules, escalations: page.escalations, rulesFile: page.rulesFile };
    after = last;
  }
}
