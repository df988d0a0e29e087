import type { Clock } from "../model/clock.ts";

export interface LotLimits<T> {
  readonly itemsMax: number;
  /** An item heavier than this makes a lot of its own. */
  readonly weightMax: number;
  weightOf(item: T): number;
  /** How long the first item of a lot waits for more. */
  readonly holdMs: number;
  readonly clock: Clock;
}

/**
 * Gathers items into lots that are full, or whose first item has waited for `holdMs`. At most one lot is read ahead. What
 * was gathered when `items` fails still comes out, then the failure.
 */
export async function* lotsOf<T>(
  items: AsyncIterable<T> | Iterable<T>,
  { itemsMax, weightMax, weightOf, holdMs, clock }: LotLimits<T>,
): AsyncIterable<T[]> {
  let lot: T[] = [];
  let weight = 0;
  let isDue = false;
  let isOver = false;
  let hasLeft = false;
  let wakeTaker = () => {};
  let wakeFeeder = () => {};
  let cancelTimer = () => {};
  const due = () => {
    isDue = true;
    wakeTaker();
  };
  const feed = async () => {
    for await (const item of items) {
      const added = weightOf(item);
      while (!hasLeft && lot.length > 0 && (lot.length >= itemsMax || weight + added > weightMax)) {
        due();
        await new Promise<void>((resolve) => (wakeFeeder = resolve));
      }
      if (hasLeft) return;
      if (lot.length === 0) cancelTimer = clock.after(holdMs, due);
      lot.push(item);
      weight += added;
      if (lot.length >= itemsMax) due();
    }
  };
  const feeding = feed().finally(() => {
    isOver = true;
    wakeTaker();
  });
  feeding.catch(() => {});
  try {
    for (;;) {
      while (!isDue && !isOver) await new Promise<void>((resolve) => (wakeTaker = resolve));
      isDue = false;
      if (lot.length === 0 && isOver) break;
      cancelTimer();
      const taken = lot;
      lot = [];
      weight = 0;
      wakeFeeder();
      yield taken;
    }
    await feeding;
  } finally {
    hasLeft = true;
    cancelTimer();
    wakeFeeder();
  }
}
