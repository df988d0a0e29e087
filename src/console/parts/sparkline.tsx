/** A line in small, without axes: how something went. Its numbers stand beside it. */

import { sparkPoints } from "./spark-points.ts";

const [WIDTH, HEIGHT] = [120, 32];

export function Sparkline({ values, label }: { values: readonly number[]; label: string }) {
  const points = sparkPoints(values, WIDTH, HEIGHT);
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
      {points !== "" && <polyline points={`0,${HEIGHT} ${points} ${WIDTH},${HEIGHT}`} class="sparkline-area" />}
      {points !== "" && <polyline points={points} class="sparkline-line" vector-effect="non-scaling-stroke" />}
    </svg>
  );
}
