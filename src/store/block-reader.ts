/**
 * Reads indexes and chunks of blocks, checks them, and keeps what was read lately. What cannot be read is named once
 * and left out: other chunks are served.
 */
import { decodeIndexed, readBlockIndex, readUnit, type BlockIndex } from "../codec/block.ts";
import { messageOf } from "../model/errors.ts";
import { describeBlock, type Block } from "./block.ts";
import type { RowBuffer } from "./row-buffer.ts";

/** Decoded columns of an index, per chunk. */
const INDEX_CHUNK_BYTES = 80;

interface Entry {
  readonly index: BlockIndex;
  body: Uint8Array | null;
  /** The unit used last: chunks are read in order of series, and small ones share a unit. */
  unit: number;
  unitBytes: Uint8Array | null;
  bytes: number;
}

export class BlockReader {
  /** Least recently used first. */
  readonly #entries = new Map<Block, Entry>();
  readonly #bytesMax: number;
  readonly #onDamage: (sentence: string) => void;
  #bytes = 0;
  #readBytes = 0;
  /** The last of #entries, which is asked for again and again. */
  #latest: { readonly block: Block; readonly entry: Entry } | null = null;

  constructor(bytesMax: number, onDamage: (sentence: string) => void) {
    this.#bytesMax = bytesMax;
    this.#onDamage = onDamage;
  }

  /** All that was read and unpacked so far; what is not kept is garbage. */
  get readBytes(): number {
    return this.#readBytes;
  }

  /** Null when it cannot be read. */
  index(block: Block): BlockIndex | null {
    return this.#entry(block)?.index ?? null;
  }

  /**
   * Appends all rows of a chunk, superseded ones included; arrivals only where they are asked for. Returns false, and
   * appends nothing, when the chunk cannot be read.
   */
  appendChunk(block: Block, chunk: number, rows: RowBuffer, withArrivals: boolean): boolean {
    const entry = this.#entry(block);
    if (entry === null) return false;
    const lengthBefore = rows.length;
    try {
      const unitBytes = this.#unit(block, entry, entry.index.units[chunk]);
      const at = rows.extend(entry.index.counts[chunk]);
      const arrivalsS = withArrivals ? rows.arrivalsS : null;
      decodeIndexed(entry.index, chunk, unitBytes, rows.timesUs, rows.values, arrivalsS, at);
      return true;
    } catch (error) {
      rows.length = lengthBefore;
      this.#name(block, `points of series ${entry.index.seriesIds[chunk]} and of its unit are not served`, error);
      return false;
    }
  }

  /** Forgets blocks that are gone. */
  forget(blocks: readonly Block[]): void {
    for (const block of blocks) {
      const entry = this.#entries.get(block);
      if (entry !== undefined) this.#drop(block, entry);
    }
  }

  /** Keeps at most `bytes` of what was read, the latest. */
  trim(bytes: number): void {
    this.#evict(bytes, 0);
  }

  #entry(block: Block): Entry | null {
    if (this.#latest?.block === block) return this.#latest.entry;
    let entry = this.#entries.get(block);
    if (entry !== undefined) {
      this.#entries.delete(block);
      this.#entries.set(block, entry);
      this.#latest = { block, entry };
      return entry;
    }
    try {
      const index = readCheckedIndex(block);
      entry = { index, body: null, unit: -1, unitBytes: null, bytes: index.count * INDEX_CHUNK_BYTES };
    } catch (error) {
      this.#name(block, "its points are not served", error);
      return null;
    }
    this.#entries.set(block, entry);
    this.#latest = { block, entry };
    this.#readBytes += entry.bytes;
    this.#grow(entry.bytes);
    return entry;
  }

  #unit(block: Block, entry: Entry, unit: number): Uint8Array {
    if (entry.unit === unit && entry.unitBytes !== null) return entry.unitBytes;
    if (entry.body === null) {
      const body = block.file.readBody(block.id);
      if (body === null) throw new Error("its body is missing");
      entry.body = body;
      entry.bytes += body.byteLength;
      this.#readBytes += body.byteLength;
      this.#grow(body.byteLength);
    }
    const unitBytes = readUnit(entry.index, unit, entry.body);
    const grownBy = unitBytes.byteLength - (entry.unitBytes?.byteLength ?? 0);
    release(entry.unitBytes);
    entry.unit = unit;
    entry.unitBytes = unitBytes;
    entry.bytes += grownBy;
    this.#readBytes += unitBytes.byteLength;
    this.#grow(grownBy);
    return unitBytes;
  }

  #grow(bytes: number): void {
    this.#bytes += bytes;
    // The latest is being read.
    this.#evict(this.#bytesMax, 1);
  }

  #evict(bytesMax: number, entriesMin: number): void {
    for (const [block, entry] of this.#entries) {
      if (this.#bytes <= bytesMax || this.#entries.size <= entriesMin) return;
      this.#drop(block, entry);
    }
  }

  #drop(block: Block, entry: Entry): void {
    if (this.#latest?.block === block) this.#latest = null;
    this.#entries.delete(block);
    this.#bytes -= entry.bytes;
    release(entry.body);
    release(entry.unitBytes);
  }

  #name(block: Block, consequence: string, error: unknown): void {
    if (block.damaged) return;
    block.damaged = true;
    this.#onDamage(`${describeBlock(block)} is damaged: ${messageOf(error)}; ${consequence}`);
  }
}

/**
 * Gives bytes back at once that nobody looks at any more. The collector would find them only after tens of megabytes
 * more, and memory that is touched for the first time is dearer than reading and unpacking into it.
 */
function release(bytes: Uint8Array | null): void {
  if (bytes !== null) (bytes.buffer as ArrayBuffer).transfer(0);
}

/** The index of a block, checked against its row and its checksums. Throws where it is not what was written. */
export function readCheckedIndex(block: Block): BlockIndex {
  const bytes = block.file.readIndex(block.id);
  if (bytes === null) throw new Error("its index is missing");
  if (bytes.byteLength !== block.indexBytes || Bun.hash.crc32(bytes) !== block.indexCrc) {
    throw new Error("the index does not match the checksum in its row");
  }
  return readBlockIndex(bytes);
}
