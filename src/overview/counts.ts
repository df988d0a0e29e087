/** What the server has counted by now: read where it is counted, in its metrics. */
import type { Metrics } from "../metrics/metrics.ts";
import type { Bucket } from "./bucket-quantile.ts";

export interface Counts {
  /** Monotonic. */
  readonly atMs: number;
  readonly points: number;
  readonly batches: number;
  readonly refusedOf: ReadonlyMap<string, number>;
  /** In seconds. */
  readonly readingAge: readonly Bucket[];
  readonly commit: readonly Bucket[];
}

type Counted = Pick<Metrics, "commitPoints" | "batches" | "refusedPoints" | "readingAgeSeconds" | "commitSeconds">;

interface Read {
  get(): Promise<{ readonly values: readonly Value[] }>;
}

interface Value {
  readonly value: number;
  readonly labels: Partial<Record<string, string | number>>;
  readonly metricName?: string;
}

export async function countsOf(metrics: Counted, atMs: number): Promise<Counts> {
  const [points, batches, refused, readingAge, commit] = await Promise.all([
    sumOf(metrics.commitPoints),
    sumOf(metrics.batches),
    (metrics.refusedPoints as Read).get(),
    bucketsOf(metrics.readingAgeSeconds),
    bucketsOf(metrics.commitSeconds),
  ]);
  const refusedOf = new Map(refused.values.map(({ labels, value }) => [String(labels["reason"]), value]));
  return { atMs, points, batches, refusedOf, readingAge, commit };
}

export async function sumOf(metric: Read): Promise<number> {
  return (await metric.get()).values.reduce((sum, { value }) => sum + value, 0);
}

/** Values by what `label` says. */
export async function valuesBy(metric: Read, label: string): Promise<[name: string, value: number][]> {
  return (await metric.get()).values.map(({ labels, value }) => [String(labels[label]), value]);
}

async function bucketsOf(histogram: Read): Promise<Bucket[]> {
  return (await histogram.get()).values
    .filter(({ labels }) => labels["le"] !== undefined)
    .map(({ labels, value }) => ({ le: labels["le"] === "+Inf" ? Infinity : Number(labels["le"]), count: value }));
}
