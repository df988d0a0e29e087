/**
 * The points that are sent, the same to every server: series like those of a plant (metric, device, site, unit), each
 * a random walk with 2 decimals, σ 0.1, reflected at 10.00 and 99.99 so that its text keeps its width.
 */

const METRICS: readonly (readonly [name: string, unit: string])[] = [
  ["temperature", "celsius"],
  ["humidity", "percent"],
  ["pressure", "bar"],
  ["vibration_rms", "mm_s"],
  ["current", "ampere"],
  ["voltage", "volt"],
  ["power", "kilowatt"],
  ["flow_rate", "l_min"],
  ["level", "percent"],
  ["motor_speed", "hertz"],
];

/** As the default cap on series of one source. */
export const SERIES_PER_SOURCE = 250_000;
export const METRIC_NAMES = METRICS.map(([name]) => name);

export interface SeriesName {
  readonly metric: string;
  readonly source: string;
  readonly tags: readonly (readonly [key: string, value: string])[];
}

export function seriesName(index: number): SeriesName {
  const [metric, unit] = METRICS[index % METRICS.length];
  const device = Math.floor(index / METRICS.length);
  return {
    metric,
    source: sourceOf(index),
    tags: [
      ["device", `dev-${String(device).padStart(6, "0")}`],
      ["site", `site-${device % 20}`],
      ["unit", unit],
    ],
  };
}

export function sourceOf(index: number): string {
  return `gateway-${Math.floor(index / SERIES_PER_SOURCE)}`;
}

const CENTS_MIN = 1_000;
const CENTS_MAX = 9_999;
const STEP_COUNT = 65_536;

/** Walks of many series at once; the same seed makes the same walks. */
export class Walk {
  readonly #steps = new Int16Array(STEP_COUNT);
  readonly #cents: Int32Array;
  readonly #random: () => number;

  constructor(seriesCount: number, seed: number) {
    const random = xorshift(seed);
    const uniform = () => (random() >>> 0) / 2 ** 32;
    for (let i = 0; i < STEP_COUNT; i++) this.#steps[i] = Math.round(normal(uniform) * 10);
    this.#cents = Int32Array.from({ length: seriesCount }, () => 2_000 + Math.floor(uniform() * 1_000));
    this.#random = random;
  }

  /** Moves one series on, returns hundredths. */
  next(series: number): number {
    let cents = this.#cents[series] + this.#steps[this.#random() & (STEP_COUNT - 1)];
    if (cents < CENTS_MIN) cents = 2 * CENTS_MIN - cents;
    else if (cents > CENTS_MAX) cents = 2 * CENTS_MAX - cents;
    this.#cents[series] = cents;
    return cents;
  }
}

/** Signed 32-bit numbers. */
function xorshift(seed: number): () => number {
  let state = (seed * 2_654_435_761) | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state;
  };
}

/** Box-Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(random() || 1e-9)) * Math.cos(2 * Math.PI * random());
}

/** Which points one message carries: each the `step`-th next value of a series. */
export interface MessagePlan {
  readonly source: string;
  readonly series: readonly number[];
  /** How often the list of series is repeated, one time step later each. */
  readonly steps: number;
}

/**
 * Splits series [from, to) into messages of at most `pointsMax` points. A sender goes through them in a circle, and each
 * circle moves the time on by `steps`.
 */
export function planMessages(from: number, to: number, pointsMax: number): MessagePlan[] {
  const count = to - from;
  const steps = Math.max(1, Math.floor(pointsMax / count));
  const plans: MessagePlan[] = [];
  for (let at = from; at < to;) {
    const sourceEnd = (Math.floor(at / SERIES_PER_SOURCE) + 1) * SERIES_PER_SOURCE;
    const end = Math.min(to, at + pointsMax, sourceEnd);
    if (steps > 1 && end !== to) throw new Error(`series ${from} to ${to} span sources; wanted one source`);
    plans.push({ source: sourceOf(at), series: Array.from({ length: end - at }, (_, i) => at + i), steps });
    at = end;
  }
  return plans;
}
