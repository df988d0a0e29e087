/** Keys as the help lists them. Pure. */
import type { ToldKey } from "../key-sequence.ts";

export interface HelpGroup {
  readonly title: string;
  readonly keys: readonly ToldKey[];
}

/** Those of one title together, each once: of fifty charts each tells its keys. In the order in which they came. */
export function helpGroups(
  groups: readonly (HelpGroup & { readonly told?: readonly ToldKey[] })[],
): readonly HelpGroup[] {
  const byTitle = new Map<string, Map<string, ToldKey>>();
  for (const { title, keys, told = [] } of groups) {
    const known = byTitle.get(title) ?? new Map<string, ToldKey>();
    for (const key of [...keys, ...told]) known.set(`${key.keys} ${key.label}`, key);
    byTitle.set(title, known);
  }
  return [...byTitle]
    .map(([title, keys]) => ({ title, keys: [...keys.values()] }))
    .filter(({ keys }) => keys.length > 0);
}
