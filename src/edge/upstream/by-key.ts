/** Work that is in order for each key, and under way for several keys at once. */

/**
 * Runs `run` for all items, those of one key one after the other, of at most `atOnce` keys at a time, in the order in which keys
 * come first. Once a run fails or `isOver` no other is begun. Resolves when none is under way any more; rejects with the first
 * failure.
 */
export async function runByKey<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  atOnce: number,
  isOver: () => boolean,
  run: (item: T) => Promise<void>,
): Promise<void> {
  const chains = Map.groupBy(items, keyOf).values();
  const failures: unknown[] = [];
  const worker = async () => {
    // All workers take from one iterator.
    for (const chain of chains) {
      for (const item of chain) {
        if (failures.length > 0 || isOver()) return;
        try {
          await run(item);
        } catch (error) {
          failures.push(error);
        }
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  if (failures.length > 0) throw failures[0];
}
