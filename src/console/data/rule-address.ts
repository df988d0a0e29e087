import { pathTo } from "../route.ts";

/** Where a new rule is made: no rule has such a name. */
export const NEW = "~new";

export function ruleAddress(name: string): string {
  return pathTo("alerts", "rules", name);
}

/** Of a new rule on a metric; `filters` as those of a chart, keys to globs. */
export function newRuleAddress(metric: string, filters: Readonly<Record<string, string>>): string {
  const params = new URLSearchParams({ metric });
  for (const [key, glob] of Object.entries(filters)) params.append("where", `${key}=${glob}`);
  return `${ruleAddress(NEW)}?${params}`;
}
