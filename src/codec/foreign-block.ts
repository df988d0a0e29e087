/**
 * Blocks that came over the network. Nothing of them is believed: not how large they become, not that their rows are in
 * order, not that their values are numbers. Memory follows {@link FOREIGN_ROWS_MAX}, whatever the bytes say.
 */
import { constants, zstdDecompressSync } from "node:zlib";
import { decodeIndexed, packedUnit, readBlockIndex, type BlockIndex } from "./block.ts";
import { rawIndexBytes, type IndexReading } from "./block-index.ts";
import { DamagedChunkError, expectIntact } from "./damaged.ts";

/** Rows of a block that travels, superseded ones included. */
export const FOREIGN_ROWS_MAX = 65_536;
/** A row takes less than 24 bytes, what stands before the rows of a chunk less than 64. */
const [ROW_BYTES_MAX, CHUNK_BYTES_MAX] = [24, 64];
const UNIT_RAW_BYTES_MAX = FOREIGN_ROWS_MAX * (ROW_BYTES_MAX + CHUNK_BYTES_MAX);
const INDEX_RAW_BYTES_MAX = FOREIGN_ROWS_MAX * 128;
/** 2^53 - 1 µs is the year 2255. */
const TIME_MAX_US = Number.MAX_SAFE_INTEGER;
const WINDOW_LOG_MAX = 23;

const READING: IndexReading = {
  rawBytesMax: INDEX_RAW_BYTES_MAX,
  chunksMax: FOREIGN_ROWS_MAX,
  unpack: unpackBounded,
};

export interface ForeignBlock {
  /** Rows, superseded ones included; at most {@link FOREIGN_ROWS_MAX}. */
  readonly points: number;
  /** As the sender calls them; ascending, each once. */
  readonly seriesIds: Uint32Array;
  /**
   * Chunks in ascending order of series, those of one series in order of time, without overlap. Throws
   * {@link DamagedChunkError} at the first that is not as it should be: nothing of the block may be kept then.
   */
  chunks(): Generator<ForeignChunk, void>;
}

/** Rows of one series: whole microseconds from 0 to 2^53 - 1, ascending; of equal ones the last stands. Values are finite. */
export interface ForeignChunk {
  readonly seriesId: number;
  /** Views; valid until the next chunk. */
  readonly timesUs: Float64Array;
  readonly values: Float64Array;
}

/** About what it takes while it is read, at most: of the rows nobody knows before how many they are. */
export function foreignBlockBytes(index: Uint8Array): number {
  // A chunk takes at least 12 bytes of the index, and 110 in the columns that are made of it.
  const chunks = Math.min(rawIndexBytes(index) / 12, FOREIGN_ROWS_MAX);
  return FOREIGN_ROWS_MAX * 64 + Math.ceil(chunks * 200);
}

/** Reads the index; throws {@link DamagedChunkError} where it is none, or its block is too large. */
export function readForeignBlock(index: Uint8Array, body: Uint8Array): ForeignBlock {
  const columns = readBlockIndex(index, READING);
  const points = checkedRows(columns);
  checkUnits(columns, body.length);
  const seriesIds = columns.seriesIds.filter((id, chunk) => chunk === 0 || id !== columns.seriesIds[chunk - 1]);
  return { points, seriesIds, chunks: () => chunksOf(columns, body) };
}

function* chunksOf(index: BlockIndex, body: Uint8Array): Generator<ForeignChunk, void> {
  const rowsMax = index.counts.reduce((largest, count) => Math.max(largest, count), 0);
  const timesUs = new Float64Array(rowsMax);
  const values = new Float64Array(rowsMax);
  let unit = -1;
  let unitBytes = new Uint8Array(0);
  for (let chunk = 0; chunk < index.count; chunk++) {
    if (index.units[chunk] !== unit) {
      unit = index.units[chunk];
      unitBytes = unpackBounded(packedUnit(index, unit, body), index.unitRawLengths[unit]);
    }
    const count = index.counts[chunk];
    decodeIndexed(index, chunk, unitBytes, timesUs, values, null, 0);
    checkChunk(index, chunk, timesUs, values);
    yield {
      seriesId: index.seriesIds[chunk],
      timesUs: timesUs.subarray(0, count),
      values: values.subarray(0, count),
    };
  }
}

function checkedRows({ count, seriesIds, counts, superseded, fromUs, toUs }: BlockIndex): number {
  expectIntact(count > 0, "a block without chunks");
  let rows = 0;
  for (let i = 0; i < count; i++) {
    rows += counts[i];
    const isInOrder =
      i === 0 || seriesIds[i] > seriesIds[i - 1] || (seriesIds[i] === seriesIds[i - 1] && fromUs[i] > toUs[i - 1]);
    if (!isInOrder) throw new DamagedChunkError(`chunk ${i} is not in order`);
    const isSound =
      counts[i] > 0 && superseded[i] < counts[i] && fromUs[i] >= 0 && fromUs[i] <= toUs[i] && toUs[i] <= TIME_MAX_US;
    if (!isSound) throw new DamagedChunkError(`chunk ${i}: ${counts[i]} rows from ${fromUs[i]} to ${toUs[i]} µs`);
  }
  expectIntact(rows <= FOREIGN_ROWS_MAX, `a block of ${rows} rows; at most ${FOREIGN_ROWS_MAX} are taken`);
  return rows;
}

function checkUnits(index: BlockIndex, bodyBytes: number): void {
  const { count, counts, lengths, unitCount, unitOffsets, unitLengths } = index;
  for (let chunk = 0; chunk < count; chunk++) {
    // More than that is no rows; where all are less, no sum of them is more than 32 bits hold.
    const isSound = lengths[chunk] > 0 && lengths[chunk] <= CHUNK_BYTES_MAX + ROW_BYTES_MAX * counts[chunk];
    if (!isSound) throw new DamagedChunkError(`chunk ${chunk}: ${counts[chunk]} rows in ${lengths[chunk]} bytes`);
  }
  let bytes = 0;
  for (let unit = 0; unit < unitCount; unit++) {
    if (unitOffsets[unit] !== bytes) throw new DamagedChunkError(`unit ${unit} is not where it should be`);
    bytes += unitLengths[unit];
  }
  expectIntact(bytes === bodyBytes, `a body of ${bodyBytes} bytes, the index says ${bytes}`);
}

function checkChunk(index: BlockIndex, chunk: number, timesUs: Float64Array, values: Float64Array): void {
  const count = index.counts[chunk];
  let superseded = 0;
  let isSound = values[0] - values[0] === 0;
  for (let i = 1; i < count; i++) {
    const step = timesUs[i] - timesUs[i - 1];
    if (step === 0) superseded++;
    // Of what is no number or infinite the difference is no number.
    if (!(step >= 0) || values[i] - values[i] !== 0) isSound = false;
  }
  if (isSound && superseded === index.superseded[chunk]) return;
  throw new DamagedChunkError(`chunk ${chunk}: its times go back, its values are not finite, or it is miscounted`);
}

/** As many bytes as are wanted and no more, however many the packed ones would become. */
function unpackBounded(packed: Uint8Array, rawBytes: number): Uint8Array<ArrayBuffer> {
  expectIntact(rawBytes > 0 && rawBytes <= Math.max(UNIT_RAW_BYTES_MAX, INDEX_RAW_BYTES_MAX), `${rawBytes} raw bytes`);
  let raw: Uint8Array<ArrayBuffer>;
  try {
    const params = { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX };
    raw = zstdDecompressSync(packed, { maxOutputLength: rawBytes, params });
  } catch {
    throw new DamagedChunkError(`what was compressed is not ${rawBytes} bytes`);
  }
  expectIntact(raw.length === rawBytes, `${raw.length} raw bytes, ${rawBytes} are wanted`);
  return raw;
}
