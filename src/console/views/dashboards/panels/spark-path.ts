/** A line in small, as the path of an SVG. Pure. */

export interface SparkFrame {
  readonly fromMs: number;
  readonly toMs: number;
  readonly width: number;
  readonly height: number;
  /** Points further apart are not joined. */
  readonly gapMs: number;
}

/** Lowest value at the bottom, highest at the top; a value that never changes lies in the middle. "" without points. */
export function sparkPath(
  { timesMs, values }: { readonly timesMs: readonly number[]; readonly values: readonly number[] },
  { fromMs, toMs, width, height, gapMs }: SparkFrame,
): string {
  let [min, max] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  let path = "";
  let beforeMs = -Infinity;
  for (let i = 0; i < timesMs.length; i++) {
    if (!Number.isFinite(values[i])) continue;
    const x = ((timesMs[i] - fromMs) / (toMs - fromMs)) * width;
    const y = max > min ? height - ((values[i] - min) / (max - min)) * height : height / 2;
    path += `${timesMs[i] - beforeMs > gapMs ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
    beforeMs = timesMs[i];
  }
  return path;
}
