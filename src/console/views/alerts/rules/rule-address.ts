import { pathTo } from "../../../route.ts";

/** Where a new rule is made: no rule has such a name. */
export const NEW = "~new";

export function ruleAddress(name: string): string {
  return pathTo("alerts", "rules", name);
}
