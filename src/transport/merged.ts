/**
 * What several sources give, as it comes; ends with the first of them that ends. None is asked for more before what it gave
 * last is taken.
 */
export async function* merged<T>(sources: readonly AsyncIterator<T>[]): AsyncGenerator<T, void> {
  const ask = (source: AsyncIterator<T>) => source.next().then((result) => ({ source, result }));
  const asked = new Map(sources.map((source) => [source, ask(source)]));
  try {
    for (;;) {
      const { source, result } = await Promise.race(asked.values());
      if (result.done === true) return;
      yield result.value;
      // To the end of the line: one that always has something does not keep the others from their turn.
      asked.delete(source);
      asked.set(source, ask(source));
    }
  } finally {
    for (const one of asked.values()) one.catch(() => {});
    for (const source of sources) source.return?.().catch(() => {});
  }
}
