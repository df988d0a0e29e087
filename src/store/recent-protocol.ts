/** What is said between the event loop and the store worker about points that came lately, on their way to the window in Redis. */

export interface RecentQuery {
  /** Rows that came with a later sequence. */
  readonly afterSeq: number;
  /** Rows after which the part ends, with the record they came in. */
  readonly rowsMax: number;
  /** Rows are parted by {@link recentShardOf}; 1: they stay together. */
  readonly shards: number;
}

export interface RecentBlock {
  readonly shard: number;
  readonly rows: number;
  /** As the codec packs them: `codec/row-block.ts`. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Rows that came with a sequence in (afterSeq, throughSeq], those of each block in order of arrival. */
export interface RecentPart {
  /** Higher than was asked for where some that came since are not in it: they are sealed, and the head has them no more. */
  readonly afterSeq: number;
  readonly throughSeq: number;
  readonly rows: number;
  /** Of shards that have rows. */
  readonly blocks: readonly RecentBlock[];
  /** Earliest and latest event time; Infinity and -Infinity where there are no rows. */
  readonly fromUs: number;
  readonly toUs: number;
  /** Latest event time of what is sealed, where `afterSeq` is higher than was asked for; otherwise -Infinity. */
  readonly sealedToUs: number;
  /** Whether there was nothing more when it was read. */
  readonly isLast: boolean;
}

/** Neighbours are together: series that a device began with have ids next to each other. */
export function recentShardOf(seriesId: number, shards: number): number {
  return (seriesId >>> 4) % shards;
}

/** Buffers of a part that move instead of being copied. */
export function buffersOfRecent({ blocks }: RecentPart): ArrayBuffer[] {
  return blocks.map(({ bytes }) => bytes.buffer);
}
