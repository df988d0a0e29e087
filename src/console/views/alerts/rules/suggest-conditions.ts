/** What could be typed as a condition on series: KEY, an operator, a value of it. */
import { suggestTagKeys, suggestValues } from "../../../data/suggestions.ts";
import type { Suggestions } from "../../../parts/suggest.tsx";

/** "device=" for "dev", "device=pump-1" for "device=". */
export async function suggestConditions(
  metric: string,
  typed: string,
  options: { readonly signal: AbortSignal },
): Promise<Suggestions> {
  const [, key, operator, begun] = /^\s*([^=!~]+)(=~|!~|!=|=)(.*)$/s.exec(typed) ?? [];
  if (key === undefined) {
    const { items, more } = await suggestTagKeys(typed, metric.trim(), options);
    return { items: items.map(({ value, detail }) => ({ value: `${value}=`, detail })), more };
  }
  const { items, more } = await suggestValues(key.trim(), begun, { metric: metric.trim(), filters: {} }, options);
  return { items: items.map(({ value, detail }) => ({ value: `${key.trim()}${operator}${value}`, detail })), more };
}
