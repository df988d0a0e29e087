/**
 * Reads indexes and chunks of blocks, checks them, and keeps what was read lately. What cannot be read is named once
 * and left out: other chunks are served.
 */
import { decodeIndexed, packedUnit, readBlockIndex, readUnit, type BlockIndex } from "../codec/block.ts";
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
  readonly indexBytes: number;
}

export class BlockReader {
  /** Least recently used first. */
  readonly #entries = new Map<Block, Entry>();
  readonly #bodyBytesMax: number;
  readonly #indexBytesMax: number;
  readonly #onDamage: (sentence: string) => void;
  #bodyBytes = 0;
  #indexBytes = 0;
  #readBytes = 0;
  /** The last of #entries, which is asked for again and again. */
  #latest: { readonly block: Block; readonly entry: Entry } | null = null;

  /** Indexes have a bound of their own: they are dearer to read again, and of rollup rows they are all there is. */
  constructor(bodyBytesMax: number, indexBytesMax: number, onDamage: (sentence: string) => void) {
    this.#bodyBytesMax = bodyBytesMax;
    this.#indexBytesMax = indexBytesMax;
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

  /** A unit as it lies in the file, its checksum checked; a view, valid until the next call. Null when it cannot be read. */
  packedUnit(block: Block, unit: number): Uint8Array | null {
    const entry = this.#entry(block);
    if (entry === null) return null;
    try {
      return packedUnit(entry.index, unit, this.#body(block, entry));
    } catch (error) {
      this.#name(block, "points of a unit are not served", error);
      return null;
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
    for (const [block, entry] of this.#entries) {
      if (this.#indexBytes + this.#bodyBytes <= bytes) return;
      this.#drop(block, entry);
    }
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
      entry = { index, body: null, unit: -1, unitBytes: null, indexBytes: index.count * INDEX_CHUNK_BYTES };
    } catch (error) {
      this.#name(block, "its points are not served", error);
      return null;
    }
    this.#entries.set(block, entry);
    this.#latest = { block, entry };
    this.#readBytes += entry.indexBytes;
    this.#indexBytes += entry.indexBytes;
    for (const [oldest, old] of this.#entries) {
      if (this.#indexBytes <= this.#indexBytesMax || old === entry) break;
      this.#drop(oldest, old);
    }
    return entry;
  }

  #unit(block: Block, entry: Entry, unit: number): Uint8Array {
    if (entry.unit === unit && entry.unitBytes !== null) return entry.unitBytes;
    const unitBytes = readUnit(entry.index, unit, this.#body(block, entry));
    this.#bodyBytes += unitBytes.byteLength - (entry.unitBytes?.byteLength ?? 0);
    release(entry.unitBytes);
    entry.unit = unit;
    entry.unitBytes = unitBytes;
    this.#readBytes += unitBytes.byteLength;
    return unitBytes;
  }

  #body(block: Block, entry: Entry): Uint8Array {
    if (entry.body !== null) return entry.body;
    const body = block.file.readBody(block.id);
    if (body === null) throw new Error("its body is missing");
    entry.body = body;
    this.#readBytes += body.byteLength;
    this.#bodyBytes += body.byteLength;
    this.#releaseBodies(entry);
    return body;
  }

  /** The oldest ones, but not that of `reading`. */
  #releaseBodies(reading: Entry): void {
    for (const entry of this.#entries.values()) {
      if (this.#bodyBytes <= this.#bodyBytesMax) return;
      if (entry !== reading) this.#releaseBody(entry);
    }
  }

  #releaseBody(entry: Entry): void {
    this.#bodyBytes -= (entry.body?.byteLength ?? 0) + (entry.unitBytes?.byteLength ?? 0);
    release(entry.body);
    release(entry.unitBytes);
    [entry.body, entry.unit, entry.unitBytes] = [null, -1, null];
  }

  #drop(block: Block, entry: Entry): void {
    if (this.#latest?.block === block) this.#latest = null;
    this.#entries.delete(block);
    this.#indexBytes -= entry.indexBytes;
    this.#releaseBody(entry);
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
