/** Linear interpolation between closest ranks, as numpy's default and Prometheus' quantile; `sorted` is ascending. */
export function quantileOf(sorted: Float64Array, q: number): number {
  const rank = q * (sorted.length - 1);
  const below = Math.floor(rank);
  const above = Math.ceil(rank);
  return sorted[below] + (sorted[above] - sorted[below]) * (rank - below);
}
