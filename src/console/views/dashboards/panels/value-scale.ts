/** From where to where a gauge or a bar goes. Pure. */

export interface Scale {
  readonly min: number;
  readonly max: number;
  readonly isLog: boolean;
}

interface ScaleInput {
  /** What the panel says. */
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly logScale: boolean;
  readonly values: readonly number[];
  readonly thresholds: readonly { readonly value: number }[];
}

/** From 0 (logarithmic: from the power of ten below) to a round number above all, unless the panel says otherwise. */
export function scaleOf({ min, max, logScale, values, thresholds }: ScaleInput): Scale {
  const all = [...values, ...thresholds.map(({ value }) => value)].filter(Number.isFinite);
  const positive = all.filter((value) => value > 0);
  const isLog = logScale && (min ?? 1) > 0 && positive.length > 0;
  const lowest = isLog ? 10 ** Math.floor(Math.log10(Math.min(...positive))) : Math.min(0, ...all);
  const from = min ?? (lowest < 0 ? -roundAbove(-lowest) : lowest);
  const highest = Math.max(from, ...all);
  const to = max ?? (isLog ? 10 ** Math.ceil(Math.log10(highest)) : roundAbove(highest));
  return { min: from, max: to > from ? to : from + 1, isLog };
}

/** 0 to 1; beyond the ends the end. */
export function shareOf(value: number, { min, max, isLog }: Scale): number {
  if (!Number.isFinite(value)) return 0;
  const share = isLog ? Math.log(Math.max(value, min) / min) / Math.log(max / min) : (value - min) / (max - min);
  return Math.max(0, Math.min(1, share));
}

function roundAbove(value: number): number {
  if (value <= 0) return 0;
  const magnitude = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * magnitude).find((round) => round >= value * (1 - 1e-9))!;
}
