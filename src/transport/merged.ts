/**
 * What several sources give, as it comes; ends with the first of them that ends. None is asked for more before what it gave
 * last is taken.
 */
export async function* merged<T>(sources: readonly AsyncIterator<T>[]): AsyncGenerator<T, void> {
  const ready: { readonly source: AsyncIterator<T>; readonly result: Promise<IteratorResult<T>> }[] = [];
  let woken = Promise.withResolvers<void>();
  // No race: each would leave a reaction, with all that it resolved to, at the promise of a source that stays quiet.
  const ask = (source: AsyncIterator<T>) => {
    const result = source.next();
    const arrived = () => {
      ready.push({ source, result });
      woken.resolve();
    };
    result.then(arrived, arrived);
  };
  try {
    for (const source of sources) ask(source);
    for (;;) {
      await woken.promise;
      woken = Promise.withResolvers();
      for (let next = ready.shift(); next !== undefined; next = ready.shift()) {
        const { done, value } = await next.result;
        if (done === true) return;
        yield value;
        // To the end of the line: one that always has something does not keep the others from their turn.
        ask(next.source);
      }
    }
  } finally {
    for (const source of sources) source.return?.().catch(() => {});
  }
}
