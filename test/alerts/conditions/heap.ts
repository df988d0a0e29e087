import { heapStats } from "bun:jsc";

/** Bytes of the heap that each of so many things takes, typed arrays included. */
export function heapBytesOf<T>(count: number, make: () => T): number {
  // What is compiled on the way is not counted.
  const kept: T[] = [make()];
  const before = heapBytes();
  for (let i = 0; i < count; i++) kept.push(make());
  const bytes = (heapBytes() - before) / count;
  return kept.length > count ? bytes : NaN;
}

function heapBytes(): number {
  Bun.gc(true);
  return heapStats().heapSize;
}
