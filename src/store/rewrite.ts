/** Writes a block again with some of its chunks, as they are. */
import type { Block, NewBlock } from "./block.ts";
import type { BlockReader } from "./block-reader.ts";
import { ChunkWriter } from "./chunk-writer.ts";
import type { RowBuffer } from "./row-buffer.ts";
import type { Slice } from "./slice.ts";

/** What takes the block's place; null when something of it cannot be read. `rows` is used for the work. */
export function* rewriteBlock(
  block: Block,
  keeps: (seriesId: number) => boolean,
  reader: BlockReader,
  rows: RowBuffer,
  slice: Slice,
): Generator<void, NewBlock[] | null> {
  const index = reader.index(block);
  if (index === null) return null;
  const writer = new ChunkWriter();
  for (let chunk = 0; chunk < index.count; chunk++) {
    const seriesId = index.seriesIds[chunk];
    if (!keeps(seriesId)) continue;
    rows.clear();
    if (!reader.appendChunk(block, chunk, rows, true)) return null;
    writer.addChunk(seriesId, rows, 0, rows.length);
    if (slice.over()) yield;
  }
  return writer.finish().map((rest) => ({ block: rest, origin: block }));
}
