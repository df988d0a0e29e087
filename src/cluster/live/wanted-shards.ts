/** Which shards of live frames somebody on this node wants. Pure. */
import { SHARDS, shardOfMetric } from "../../model/metric-shard.ts";
import type { SeriesMatcher } from "../../model/matcher.ts";

type Wanted = Pick<SeriesMatcher, "exactMetrics" | "hasMetricGlobs">;

export class WantedShards {
  readonly #counts = new Uint32Array(SHARDS);
  readonly #onChanged: () => void;

  /** `onChanged`: one is wanted that was not, or no more. */
  constructor(onChanged: () => void) {
    this.#onChanged = onChanged;
  }

  /** Whatever it matches is wanted; returns what ends that, once or more often. */
  want({ exactMetrics, hasMetricGlobs }: Wanted): () => void {
    const shards = hasMetricGlobs ? ALL : new Set(exactMetrics.map(shardOfMetric));
    this.#count(shards, 1);
    let isOver = false;
    return () => {
      if (!isOver) this.#count(shards, -1);
      isOver = true;
    };
  }

  has(shard: number): boolean {
    return this.#counts[shard] > 0;
  }

  /** A bit each, as nodes tell each other. */
  get bits(): Uint8Array {
    const bits = new Uint8Array(SHARDS / 8);
    for (let shard = 0; shard < SHARDS; shard++) if (this.has(shard)) bits[shard >> 3] |= 1 << (shard & 7);
    return bits;
  }

  #count(shards: Iterable<number>, change: 1 | -1): void {
    let isOther = false;
    for (const shard of shards) {
      const before = this.#counts[shard];
      this.#counts[shard] += change;
      if (before === 0 || this.#counts[shard] === 0) isOther = true;
    }
    if (isOther) this.#onChanged();
  }
}

const ALL: ReadonlySet<number> = new Set(Array.from({ length: SHARDS }, (_, shard) => shard));

/** Of all that these say together: 1 where somebody wants it. */
export function shardsIn(bitmaps: Iterable<Uint8Array>): Uint8Array {
  const wanted = new Uint8Array(SHARDS);
  for (const bits of bitmaps) {
    for (let shard = 0; shard < SHARDS; shard++) if ((bits[shard >> 3] ?? 0) & (1 << (shard & 7))) wanted[shard] = 1;
  }
  return wanted;
}
