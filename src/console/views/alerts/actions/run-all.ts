/** The same with many: so many at a time as one call takes, and of those that are refused why. */

export interface Refused<T> {
  readonly item: T;
  readonly reason: string;
}

export interface RunOptions {
  readonly atOnceMax: number;
  readonly signal: AbortSignal;
  /** How many are done, refused ones among them. */
  onProgress(count: number): void;
  /** Of a call that failed. */
  reasonOf(error: unknown): string;
}

/**
 * `call` answers with why some were refused, by their place among those it was given. Returns those that were refused, in their
 * order; once a call failed or `signal` is aborted, also those that were not tried.
 */
export async function runAll<T>(
  items: readonly T[],
  call: (items: readonly T[], options: { signal: AbortSignal }) => Promise<ReadonlyMap<number, string>>,
  { atOnceMax, signal, onProgress, reasonOf }: RunOptions,
): Promise<Refused<T>[]> {
  const refused: Refused<T>[] = [];
  let at = 0;
  while (at < items.length && !signal.aborted) {
    const some = items.slice(at, at + atOnceMax);
    try {
      for (const [i, reason] of await call(some, { signal })) refused.push({ item: some[i], reason });
    } catch (error) {
      refused.push(...some.map((item) => ({ item, reason: reasonOf(error) })));
      at += some.length;
      break;
    }
    onProgress((at += some.length));
  }
  return [...refused, ...items.slice(at).map((item) => ({ item, reason: "not tried" }))];
}
