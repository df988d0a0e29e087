/**
 * Blocks of chunks: a chunk is a run of one series' rows, units are chunks that are compressed together, the index tells
 * of each chunk what coarse queries want. The format is described in FORMAT.md.
 */
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { readArrivals, writeArrivals } from "./arrivals.ts";
import {
  exponentOfSummary,
  RAW,
  unpack,
  writeIndex,
  type BlockIndex,
  type ChunkSummary,
  type IndexedChunk,
  type IndexedUnit,
} from "./block-index.ts";
import { expectIntact } from "./damaged.ts";
import { readTimes, writeTimes } from "./times.ts";
import { readValues, writeValues } from "./values.ts";

export { readBlockIndex, type BlockIndex, type ChunkSummary } from "./block-index.ts";

export interface BlockLimits {
  /** Raw bytes after which a unit is compressed. */
  readonly unitBytesTarget: number;
  /** Bytes after which a block is full. */
  readonly blockBytesTarget: number;
}

export interface FinishedBlock {
  readonly index: Uint8Array;
  readonly body: Uint8Array;
  readonly chunks: number;
  /** Rows, superseded ones included. */
  readonly points: number;
  readonly superseded: number;
  readonly fromUs: number;
  readonly toUs: number;
  readonly seriesFrom: number;
  readonly seriesTo: number;
}

const LIMITS: BlockLimits = { unitBytesTarget: 8 * 1024, blockBytesTarget: 256 * 1024 };
const INDEX_CHUNK_BYTES_ESTIMATE = 28;

/** Builds one block after the other; chunks come in ascending order of series. */
export class BlockBuilder {
  readonly #limits: BlockLimits;
  #chunks: IndexedChunk[] = [];
  #units: IndexedUnit[] = [];
  readonly #body = new ByteWriter(64 * 1024);
  readonly #unit = new ByteWriter(16 * 1024);
  #unitChunks = 0;

  constructor(limits: BlockLimits = LIMITS) {
    this.#limits = limits;
  }

  get bytesEstimate(): number {
    return this.#body.length + this.#unit.length + this.#chunks.length * INDEX_CHUNK_BYTES_ESTIMATE;
  }

  get chunkCount(): number {
    return this.#chunks.length;
  }

  get isFull(): boolean {
    return this.bytesEstimate >= this.#limits.blockBytesTarget;
  }

  /**
   * Adds rows [from, to), at least one, as a chunk: ascending times, a superseded row directly before the row that
   * replaced it. Times are whole microseconds below 2^53, values finite, arrivals whole seconds.
   */
  add(
    seriesId: number,
    timesUs: Float64Array,
    values: Float64Array,
    arrivalsS: Float64Array,
    from: number,
    to: number,
  ): void {
    const start = this.#unit.length;
    writeTimes(this.#unit, timesUs, from, to);
    writeValues(this.#unit, values, from, to);
    writeArrivals(this.#unit, arrivalsS, from, to);
    const summary = summarize(seriesId, timesUs, values, from, to);
    this.#chunks.push({ ...summary, payloadBytes: this.#unit.length - start });
    this.#unitChunks++;
    if (this.#unit.length >= this.#limits.unitBytesTarget) this.#closeUnit();
  }

  /**
   * Adds a chunk of which there is nothing but its summary: a rollup row. Such chunks have payloads of no bytes, and are
   * added to a block of their own.
   */
  addSummary(summary: ChunkSummary): void {
    this.#chunks.push({ ...withExactSum(summary), payloadBytes: 0 });
    this.#unitChunks++;
  }

  /** Adds a unit of another block with all its chunks, as it lies there; `chunk` is the first of them. */
  addUnit(index: BlockIndex, unit: number, chunk: number, packed: Uint8Array): void {
    if (this.#unitChunks > 0) this.#closeUnit();
    for (; index.units[chunk] === unit; chunk++) {
      this.#chunks.push(indexedChunk(index, chunk));
      this.#unitChunks++;
    }
    this.#appendUnit(packed, index.unitCrcs[unit]);
  }

  /** The block, of at least one chunk; the builder begins the next one. */
  finish(): FinishedBlock {
    if (this.#unitChunks > 0) this.#closeUnit();
    const chunks = this.#chunks;
    const index = writeIndex(chunks, this.#units);
    const body = this.#body.written.slice();
    [this.#chunks, this.#units] = [[], []];
    this.#body.clear();
    let [fromUs, toUs, points, superseded] = [Infinity, -Infinity, 0, 0];
    for (const chunk of chunks) {
      fromUs = Math.min(fromUs, chunk.fromUs);
      toUs = Math.max(toUs, chunk.toUs);
      points += chunk.count;
      superseded += chunk.superseded;
    }
    return {
      index,
      body,
      chunks: chunks.length,
      points,
      superseded,
      fromUs,
      toUs,
      seriesFrom: chunks[0].seriesId,
      seriesTo: chunks[chunks.length - 1].seriesId,
    };
  }

  #closeUnit(): void {
    const packed = Bun.zstdCompressSync(this.#unit.written, { level: 1 });
    this.#unit.clear();
    this.#appendUnit(packed, Bun.hash.crc32(packed));
  }

  #appendUnit(packed: Uint8Array, crc: number): void {
    this.#units.push({ chunks: this.#unitChunks, packedBytes: packed.length, crc });
    this.#body.append(packed);
    this.#unitChunks = 0;
  }
}

function indexedChunk(index: BlockIndex, chunk: number): IndexedChunk {
  return {
    seriesId: index.seriesIds[chunk],
    count: index.counts[chunk],
    superseded: index.superseded[chunk],
    fromUs: index.fromUs[chunk],
    toUs: index.toUs[chunk],
    first: index.firsts[chunk],
    last: index.lasts[chunk],
    min: index.mins[chunk],
    max: index.maxs[chunk],
    sum: index.sums[chunk],
    payloadBytes: index.lengths[chunk],
    exponent: index.exponents[chunk],
  };
}

function summarize(
  seriesId: number,
  timesUs: Float64Array,
  values: Float64Array,
  from: number,
  to: number,
): Omit<IndexedChunk, "payloadBytes"> {
  let [min, max, sum, superseded] = [Infinity, -Infinity, 0, 0];
  let first = NaN;
  for (let i = from; i < to; i++) {
    if (i + 1 < to && timesUs[i] === timesUs[i + 1]) {
      superseded++;
      continue;
    }
    const value = values[i];
    if (first !== first) first = value;
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
  }
  const summary: ChunkSummary = {
    seriesId,
    count: to - from,
    superseded,
    fromUs: timesUs[from],
    toUs: timesUs[to - 1],
    first,
    last: values[to - 1],
    min,
    max,
    sum,
  };
  return withExactSum(summary);
}

/**
 * The sum of decimals is rounded to a decimal again: that is nearer to the truth than the sum of their doubles, and
 * takes fewer bytes.
 */
function withExactSum(summary: ChunkSummary): Omit<IndexedChunk, "payloadBytes"> {
  const exponent = exponentOfSummary({ ...summary, sum: summary.first }, 0);
  if (exponent === RAW) return { ...summary, exponent };
  const power = 10 ** exponent;
  const sum = Math.round(summary.sum * power) / power;
  // What differs by more than adding doubles can lose has finer decimals somewhere than first, last, min and max.
  const lost = summary.count ** 2 * Math.max(Math.abs(summary.min), Math.abs(summary.max)) * Number.EPSILON;
  const isRounding = Math.abs(sum - summary.sum) <= lost;
  const rounded = { ...summary, sum: isRounding ? sum : summary.sum };
  return { ...rounded, exponent: exponentOfSummary(rounded, exponent) };
}

/** The raw bytes of a unit: the payloads of its chunks. Throws {@link DamagedChunkError}. */
export function readUnit(index: BlockIndex, unit: number, body: Uint8Array): Uint8Array {
  return unpack(packedUnit(index, unit, body), index.unitRawLengths[unit]);
}

/** The bytes of a unit as they lie in the body, a view. Throws {@link DamagedChunkError}. */
export function packedUnit(index: BlockIndex, unit: number, body: Uint8Array): Uint8Array {
  const from = index.unitOffsets[unit];
  const packed = body.subarray(from, from + index.unitLengths[unit]);
  expectIntact(packed.length === index.unitLengths[unit], `unit ${unit} is cut short`);
  expectIntact(Bun.hash.crc32(packed) === index.unitCrcs[unit], `unit ${unit}: the checksum does not match`);
  return packed;
}

export function chunkPayload(index: BlockIndex, chunk: number, unitBytes: Uint8Array): Uint8Array {
  const from = index.offsets[chunk];
  return unitBytes.subarray(from, from + index.lengths[chunk]);
}

/**
 * Writes the `index.counts[chunk]` rows of a chunk into the columns at `at`; `arrivalsS` null: leaves that column.
 * Throws {@link DamagedChunkError}.
 */
export function decodeIndexed(
  index: BlockIndex,
  chunk: number,
  unitBytes: Uint8Array,
  timesUs: Float64Array,
  values: Float64Array,
  arrivalsS: Float64Array | null,
  at: number,
): void {
  const count = index.counts[chunk];
  const input = new ByteReader(chunkPayload(index, chunk, unitBytes));
  readTimes(input, index.fromUs[chunk], timesUs, at, count);
  readValues(input, values, at, count, largestOf(index, chunk));
  expectIntact(timesUs[at + count - 1] === index.toUs[chunk], "the times do not end where the index says");
  if (arrivalsS !== null) readArrivals(input, arrivalsS, at, count);
}

/** The largest size of a value; Infinity where the index does not tell of superseded ones. */
function largestOf(index: BlockIndex, chunk: number): number {
  if (index.superseded[chunk] > 0) return Infinity;
  return Math.max(Math.abs(index.mins[chunk]), Math.abs(index.maxs[chunk]));
}
