/** Which series a block is of, from when to when, and how many points of each: what is known without its rows. */
import { readBlockIndex } from "../../codec/block.ts";

/** Row i is a chunk; ascending by series, those of one series by time. */
export interface ChunkSpans {
  readonly count: number;
  readonly seriesIds: Uint32Array;
  /** Rows, superseded ones included. */
  readonly counts: Uint32Array;
  /** Event times, both inclusive. */
  readonly fromUs: Float64Array;
  readonly toUs: Float64Array;
}

export function spansOfBlock(index: Uint8Array): ChunkSpans {
  const { count, seriesIds, counts, fromUs, toUs } = readBlockIndex(index);
  return { count, seriesIds, counts, fromUs, toUs };
}

/** Whether both may have a point of the same series and time. */
export function mayShare(a: ChunkSpans, b: ChunkSpans): boolean {
  const [few, many] = a.count <= b.count ? [a, b] : [b, a];
  for (let i = 0; i < few.count; i++) {
    const id = few.seriesIds[i];
    for (let k = firstOf(many, id); k < many.count && many.seriesIds[k] === id; k++) {
      if (few.fromUs[i] <= many.toUs[k] && few.toUs[i] >= many.fromUs[k]) return true;
    }
  }
  return false;
}

/** The first chunk of a series, or where it would be. */
function firstOf({ seriesIds, count }: ChunkSpans, id: number): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (seriesIds[middle] < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
