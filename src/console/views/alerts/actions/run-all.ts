/** The same with each of many: a few at once, and of each what came of it. */

export interface Refused<T> {
  readonly item: T;
  readonly reason: string;
}

export interface RunOptions {
  readonly signal: AbortSignal;
  /** How many are done, refused ones among them. */
  onProgress(count: number): void;
  reasonOf(error: unknown): string;
}

const AT_ONCE = 8;
/** Far below what the server allows a page, which does other things, too. The first ones are not held back. */
const [FREE, PER_SECOND] = [200, 400];

/** Returns those that were refused, in their order; once `signal` is aborted, also those that were not tried. */
export async function runAll<T>(
  items: readonly T[],
  call: (item: T, options: { signal: AbortSignal }) => Promise<unknown>,
  { signal, onProgress, reasonOf }: RunOptions,
): Promise<Refused<T>[]> {
  const reasons: (string | undefined)[] = items.map(() => "not tried");
  let [next, count] = [0, 0];
  const begunMs = performance.now();
  const worker = async () => {
    while (next < items.length && !signal.aborted) {
      const at = next++;
      const earlyMs = begunMs + ((at - FREE) * 1_000) / PER_SECOND - performance.now();
      if (earlyMs > 0) await new Promise((resolve) => setTimeout(resolve, earlyMs));
      if (signal.aborted) break;
      try {
        await call(items[at], { signal });
        reasons[at] = undefined;
      } catch (error) {
        reasons[at] = reasonOf(error);
      }
      onProgress(++count);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return items.flatMap((item, i) => (reasons[i] === undefined ? [] : [{ item, reason: reasons[i] }]));
}
