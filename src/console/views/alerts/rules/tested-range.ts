/** How far back a backtest looks. Pure. */
export const TESTED_RANGES: readonly (readonly [name: string, label: string, ms: number])[] = [
  ["1h", "1 h", 3_600_000],
  ["6h", "6 h", 6 * 3_600_000],
  ["24h", "24 h", 86_400_000],
  ["7d", "7 d", 7 * 86_400_000],
];
const USUAL_MS = 86_400_000;

/** The shortest that has all there is, a day at most: what a new sensor sent would be a stroke at the edge of more. */
export function usualMs(firstMs: number | undefined, nowMs: number): number {
  if (firstMs === undefined) return USUAL_MS;
  return TESTED_RANGES.find(([, , ms]) => ms >= Math.min(USUAL_MS, nowMs - firstMs))![2];
}
