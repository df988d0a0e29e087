/** Which rows of a table are chosen after one was ticked. */

/** From the row ticked before up to this one, where that is wanted, all become what this one becomes. */
export function chosenAfter(
  chosen: ReadonlySet<string>,
  keys: readonly string[],
  { at, from }: { readonly at: number; readonly from: number },
): ReadonlySet<string> {
  const next = new Set(chosen);
  const isNow = !next.has(keys[at]);
  for (const key of keys.slice(Math.min(from, at), Math.max(from, at) + 1)) {
    if (isNow) next.add(key);
    else next.delete(key);
  }
  return next;
}

/** All rows, or none of them where all were; what is chosen besides stays so. */
export function chosenAfterAll(chosen: ReadonlySet<string>, keys: readonly string[]): ReadonlySet<string> {
  const isAll = keys.every((key) => chosen.has(key));
  const next = new Set(chosen);
  for (const key of keys) {
    if (isAll) next.delete(key);
    else next.add(key);
  }
  return next;
}
