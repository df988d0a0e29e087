/**
 * Chooses what compaction merges next. Blocks of one order number are a run: what one seal or one merge wrote. Runs of
 * a level are merged, all of them, into one of the next level once there are enough over the same series, so a point is
 * rewritten about as often as its chunk can be made four times longer (size-tiered compaction of log-structured merge
 * trees, O'Neil et al. 1996). A merge covers a window of series, so that its memory is bounded; blocks that reach past
 * the window are cut there.
 */
import { compareBlocks, type Block } from "./block.ts";

const CHUNK_MEMORY_BYTES = 128;

export interface MergeRules {
  /** Whether merging a block would gain nothing more. */
  isFinished(block: Block): boolean;
  /** Only blocks of one stretch are merged with each other; null: with none. */
  stretchOf(block: Block): number | null;
  /** Runs that must overlap in series before they are merged. */
  readonly runsMin: number;
  /** Runs of different levels are not merged with each other, unless everything is to be. */
  readonly levelsApart: boolean;
  /** Memory that merging may take, about, unless the blocks of a single series take more. */
  readonly bytesMax: number;
}

export interface MergePlan {
  /** In order; all of one file. */
  readonly blocks: readonly Block[];
  /** Series of the window, both inclusive. */
  readonly seriesFrom: number;
  readonly seriesTo: number;
}

/**
 * The next merge within one file, null when there is none. `ofPeriod` are all blocks of the file's period, in order,
 * those of its other files included.
 *
 * A merged block takes the highest order of its inputs, so nothing that overlaps them in series and time may stand
 * between them: runs below such a block are left out.
 */
export function planMerge(blocks: readonly Block[], ofPeriod: readonly Block[], rules: MergeRules): MergePlan | null {
  const small = blocks.filter((block) => !block.damaged && !rules.isFinished(block) && rules.stretchOf(block) !== null);
  const levels = rules.levelsApart ? new Set(small.map(({ level }) => level)) : [null];
  for (const level of [...levels].sort((a, b) => (a ?? 0) - (b ?? 0))) {
    const ofLevel = level === null ? small : small.filter((block) => block.level === level);
    for (const candidates of Map.groupBy(ofLevel, (block) => rules.stretchOf(block)).values()) {
      const plan = planAmong(candidates, ofPeriod, rules);
      if (plan !== null) return plan;
    }
  }
  return null;
}

function planAmong(candidates: readonly Block[], ofPeriod: readonly Block[], rules: MergeRules): MergePlan | null {
  const bySeries = [...candidates].sort((a, b) => a.seriesFrom - b.seriesFrom);
  const starts = [...new Set(bySeries.map(({ seriesFrom }) => seriesFrom))];
  let active: Block[] = [];
  let next = 0;
  for (const seriesFrom of starts) {
    active = active.filter((block) => block.seriesTo >= seriesFrom);
    while (next < bySeries.length && bySeries[next].seriesFrom === seriesFrom) active.push(bySeries[next++]);
    if (runsOf(active) < rules.runsMin) continue;
    const seriesTo = windowEnd(bySeries, active, seriesFrom, rules);
    const inWindow = candidates.filter((block) => block.seriesFrom <= seriesTo && block.seriesTo >= seriesFrom);
    const blocks = withoutBreach(inWindow.sort(compareBlocks), ofPeriod, seriesFrom, seriesTo);
    if (runsOf(blocks) >= rules.runsMin) return { blocks, seriesFrom, seriesTo };
  }
  return null;
}

/** How far the window reaches: while as many runs overlap as must, and the blocks are not too many bytes. */
function windowEnd(
  bySeries: readonly Block[],
  active: readonly Block[],
  seriesFrom: number,
  { runsMin, bytesMax }: MergeRules,
): number {
  const ends = [...new Set(bySeries.map(({ seriesTo }) => seriesTo))].sort((a, b) => a - b);
  let taken = Math.min(...active.map(({ seriesTo }) => seriesTo));
  for (const end of ends) {
    if (end <= taken) continue;
    const within = bySeries.filter((block) => block.seriesFrom <= end && block.seriesTo >= seriesFrom);
    const bytes = within.reduce((sum, block) => sum + memoryOf(block), 0);
    const atEnd = within.filter((block) => block.seriesTo >= end);
    if (bytes > bytesMax || runsOf(atEnd) < runsMin) break;
    taken = end;
  }
  return taken;
}

/** Leaves out blocks that something outside overlaps and supersedes while not superseding the last one. */
function withoutBreach(
  inputs: readonly Block[],
  ofPeriod: readonly Block[],
  seriesFrom: number,
  seriesTo: number,
): readonly Block[] {
  const taken = new Set(inputs);
  const highest = inputs.at(-1)?.ord ?? -1;
  const outside = ofPeriod.filter(
    (block) =>
      !taken.has(block) && block.ord <= highest && block.seriesFrom <= seriesTo && block.seriesTo >= seriesFrom,
  );
  const breached = (input: Block) =>
    outside.some(
      (block) => compareBlocks(block, input) > 0 && block.fromUs <= input.toUs && block.toUs >= input.fromUs,
    );
  const last = inputs.findLastIndex(breached);
  return last < 0 ? inputs : withoutBreach(inputs.slice(last + 1), ofPeriod, seriesFrom, seriesTo);
}

/** Of a block that is being merged: what is read, and what is kept of each chunk. */
function memoryOf({ indexBytes, bodyBytes, chunks }: Block): number {
  return indexBytes + bodyBytes + chunks * CHUNK_MEMORY_BYTES;
}

function runsOf(blocks: readonly Block[]): number {
  return new Set(blocks.map(({ ord }) => ord)).size;
}
