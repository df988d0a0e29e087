/** What was counted lately, by differences of what is counted for ever. Pure. */
import { bucketQuantile, bucketsSince, type Bucket } from "./bucket-quantile.ts";
import type { Counts } from "./counts.ts";

const RATE_MS = 10_000;
const MINUTE_MS = 60_000;
const RECENT_MAX = 60;

export class RecentCounts {
  /** Of the last minute, the oldest first; never empty. */
  readonly #counts: Counts[];
  readonly #recent: number[] = [];
  #recentFrom: Counts;

  constructor(first: Counts) {
    this.#counts = [first];
    this.#recentFrom = first;
  }

  get now(): Counts {
    return this.#counts.at(-1)!;
  }

  /** Points a second in each ten seconds of the last ten minutes, the last one last. */
  get recentPointsPerS(): readonly number[] {
    return this.#recent;
  }

  add(counts: Counts): void {
    if (counts.atMs <= this.now.atMs) return;
    this.#counts.push(counts);
    // The first one stands for what is a minute ago or older.
    while (this.#counts[1].atMs <= counts.atMs - MINUTE_MS) this.#counts.shift();
    const { atMs, points } = this.#recentFrom;
    if (counts.atMs - atMs < RATE_MS) return;
    this.#recent.push((1_000 * (counts.points - points)) / (counts.atMs - atMs));
    this.#recentFrom = counts;
    if (this.#recent.length > RECENT_MAX) this.#recent.shift();
  }

  /** Over the last ten seconds, or since the start; 0 where no time has passed. */
  perS(of: "points" | "batches"): number {
    const { now } = this;
    const before = this.#counts.findLast(({ atMs }) => atMs <= now.atMs - RATE_MS) ?? this.#counts[0];
    return now.atMs === before.atMs ? 0 : (1_000 * (now[of] - before[of])) / (now.atMs - before.atMs);
  }

  /** Of the last minute, in milliseconds. */
  quantileMs(of: "readingAge" | "commit", quantile: number): number {
    const buckets: readonly Bucket[] = bucketsSince(this.now[of], this.#counts[0][of]);
    return 1_000 * bucketQuantile(buckets, quantile);
  }

  /** By reason: of all time, and of the last minute. */
  refused(): { readonly reason: string; readonly total: number; readonly lastMinute: number }[] {
    const [before] = this.#counts;
    return [...this.now.refusedOf]
      .filter(([, total]) => total > 0)
      .map(([reason, total]) => ({ reason, total, lastMinute: total - (before.refusedOf.get(reason) ?? 0) }));
  }
}
