/** What goes wrong with devices, when, and for how long. Times are simulated ones. */

export const FAULT_KINDS = {
  spike: "one reading jumps by `size` times the range of its sensor",
  stuck: "readings stay what they were",
  drift: "readings move away, by `size` times the range of the sensor at the end",
  dropout: "nothing is read",
  "dead-battery": "the battery runs down in a quarter of the time, then nothing is read",
  "clock-skew": "timestamps are off by `by`",
  duplicate: "a batch is sent twice",
  "out-of-order": "a batch is sent by `by` later, behind others",
  burst: "nothing is sent, then everything at once",
  corrupt: "a reading cannot be stored: not a number, a bad name, a time before 1970",
} as const;

export type FaultKind = keyof typeof FAULT_KINDS;

export interface Fault {
  readonly kind: FaultKind;
  readonly when: Schedule;
  /** How long it lasts; 0: one reading, or one batch. */
  readonly forMs: number;
  /** Of spike and drift, in ranges of the sensor; may be negative. */
  readonly size: number;
  /** Of clock-skew, may be negative, and of out-of-order, where 0 is five batches. */
  readonly byMs: number;
  /** Globs. */
  readonly devices: string;
  readonly metrics: string;
}

/** By chance, so many times an hour; or at a time after the start, and then every so often. */
export type Schedule = { readonly perHour: number } | { readonly atMs: number; readonly everyMs: number | undefined };

export const FAULT_RATE_PER_HOUR_MAX = 360_000;

type Given = Pick<Fault, "kind" | "when"> & { readonly [K in keyof Fault]?: Fault[K] | undefined };

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const LASTS_MS: Partial<Record<FaultKind, number>> = {
  stuck: 30 * MINUTE,
  drift: 6 * HOUR,
  dropout: 10 * MINUTE,
  "dead-battery": 24 * HOUR,
  "clock-skew": HOUR,
  burst: 10 * MINUTE,
};
const SIZES: Partial<Record<FaultKind, number>> = { spike: 1, drift: 0.3 };

/** With what stands where nothing is said. */
export function faultOf({ kind, when, forMs, size, byMs, devices, metrics }: Given): Fault {
  return {
    kind,
    when,
    forMs: lastingMs(kind, forMs),
    size: size ?? SIZES[kind] ?? 0,
    byMs: byMs ?? (kind === "clock-skew" ? -HOUR : 0),
    devices: devices ?? "*",
    metrics: metrics ?? "*",
  };
}

/** How long a fault lasts; `forMs`: what is said of it. */
export function lastingMs(kind: FaultKind, forMs: number | undefined): number {
  return forMs ?? LASTS_MS[kind] ?? 0;
}
