/**
 * The index of a block: what is known of its chunks without reading them, column by column, and where they lie.
 *
 *     u8 version, u32 CRC-32 of what follows, u32 raw bytes, zstd of:
 *     varint chunks, varint units
 *     chunks × varint      series id minus the one before
 *     chunks × varint      rows
 *     chunks × varint      superseded rows
 *     u8 unit              of the times: 1 µs, 1 ms or 1 s
 *     chunks × zigzag      first time minus the one before, in that unit
 *     chunks × varint      last minus first time, in that unit
 *     chunks × u8          exponent; 255: this chunk's five values are f64
 *     chunks × …           first; last - first; first - min; max - first; sum - first × standing rows; scaled zigzags
 *     chunks × varint      bytes of the payload
 *     units × varint       chunks; then units × varint packed bytes, units × u32 CRC-32 of the packed bytes
 */
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { DamagedChunkError, expectIntact } from "./damaged.ts";
import { UNITS_US, unitOf } from "./time-unit.ts";

export interface ChunkSummary {
  seriesId: number;
  /** Rows, superseded ones included. */
  count: number;
  superseded: number;
  /** First and last event time, inclusive. */
  fromUs: number;
  toUs: number;
  /** Of rows not superseded. */
  first: number;
  last: number;
  min: number;
  max: number;
  sum: number;
}

/** Columns by chunk, then by unit. */
export interface BlockIndex {
  readonly count: number;
  readonly seriesIds: Uint32Array;
  readonly counts: Uint32Array;
  readonly superseded: Uint32Array;
  readonly fromUs: Float64Array;
  readonly toUs: Float64Array;
  readonly firsts: Float64Array;
  readonly lasts: Float64Array;
  readonly mins: Float64Array;
  readonly maxs: Float64Array;
  readonly sums: Float64Array;
  /** As in {@link IndexedChunk}. */
  readonly exponents: Uint8Array;
  /** Where each chunk's payload lies: the unit, and the place in the unit's raw bytes. */
  readonly units: Uint32Array;
  readonly offsets: Uint32Array;
  readonly lengths: Uint32Array;
  readonly unitCount: number;
  readonly unitOffsets: Uint32Array;
  readonly unitLengths: Uint32Array;
  readonly unitRawLengths: Uint32Array;
  readonly unitCrcs: Uint32Array;
}

/** A chunk as the index holds it. */
export interface IndexedChunk extends ChunkSummary {
  payloadBytes: number;
  /** Of the values: the scale at which all five are whole, or {@link RAW}. */
  exponent: number;
}

export interface IndexedUnit {
  chunks: number;
  packedBytes: number;
  crc: number;
}

export const INDEX_VERSION = 1;
export const RAW = 255;
const HEADER_BYTES = 9;
const RAW_BYTES_MAX = 64 * 1024 * 1024;
const EXPONENT_MAX = 12;

const out = new ByteWriter(64 * 1024);

export function writeIndex(chunks: readonly IndexedChunk[], units: readonly IndexedUnit[]): Uint8Array {
  out.clear();
  out.varint(chunks.length);
  out.varint(units.length);
  let seriesId = 0;
  for (const chunk of chunks) {
    out.varint(chunk.seriesId - seriesId);
    seriesId = chunk.seriesId;
  }
  for (const { count } of chunks) out.varint(count);
  for (const { superseded } of chunks) out.varint(superseded);
  let unit = UNITS_US.length - 1;
  for (const { fromUs, toUs } of chunks) {
    if (unit > 0) unit = unitOf(toUs, unitOf(fromUs, unit));
  }
  const unitUs = UNITS_US[unit];
  out.u8(unit);
  let before = 0;
  for (const { fromUs } of chunks) {
    out.zigzag((fromUs - before) / unitUs);
    before = fromUs;
  }
  for (const { fromUs, toUs } of chunks) out.varint((toUs - fromUs) / unitUs);
  for (const { exponent } of chunks) out.u8(exponent);
  for (const column of [0, 1, 2, 3, 4]) {
    for (const chunk of chunks) {
      const values = valuesOf(chunk);
      if (chunk.exponent === RAW) out.f64(values[column]);
      else out.zigzag(relative(values, column, 10 ** chunk.exponent, chunk.count - chunk.superseded));
    }
  }
  for (const { payloadBytes } of chunks) out.varint(payloadBytes);
  for (const each of units) out.varint(each.chunks);
  for (const each of units) out.varint(each.packedBytes);
  for (const each of units) out.u32(each.crc);
  const packed = Bun.zstdCompressSync(out.written, { level: 1 });
  const index = new Uint8Array(HEADER_BYTES + packed.length);
  const header = new DataView(index.buffer);
  index.set(packed, HEADER_BYTES);
  header.setUint8(0, INDEX_VERSION);
  header.setUint32(5, out.length, true);
  header.setUint32(1, Bun.hash.crc32(index.subarray(5)), true);
  return index;
}

/** How an index is read: how large it may be, and what unpacks it. */
export interface IndexReading {
  readonly rawBytesMax: number;
  readonly chunksMax: number;
  unpack(packed: Uint8Array, rawBytes: number): Uint8Array;
}

const OWN: IndexReading = { rawBytesMax: RAW_BYTES_MAX, chunksMax: Infinity, unpack };

/** What an index says it is when it is unpacked; 0: it says nothing. */
export function rawIndexBytes(index: Uint8Array): number {
  if (index.length < HEADER_BYTES) return 0;
  return new DataView(index.buffer, index.byteOffset, index.byteLength).getUint32(5, true);
}

/** Throws {@link DamagedChunkError}, also where a later version wrote it. */
export function readBlockIndex(index: Uint8Array, reading: IndexReading = OWN): BlockIndex {
  expectIntact(index.length > HEADER_BYTES, `a block index of ${index.length} bytes`);
  const header = new DataView(index.buffer, index.byteOffset, index.byteLength);
  const version = header.getUint8(0);
  expectIntact(version === INDEX_VERSION, `block format ${version}; this version reads ${INDEX_VERSION}`);
  expectIntact(Bun.hash.crc32(index.subarray(5)) === header.getUint32(1, true), "the index's checksum does not match");
  const rawBytes = rawIndexBytes(index);
  expectIntact(rawBytes <= reading.rawBytesMax, `a block index of ${rawBytes} raw bytes`);
  return readColumns(new ByteReader(reading.unpack(index.subarray(HEADER_BYTES), rawBytes)), reading.chunksMax);
}

/** Bytes whose checksum was right; so their raw length can be believed. */
export function unpack(packed: Uint8Array, rawBytes: number): Uint8Array {
  let raw: Uint8Array;
  try {
    raw = Bun.zstdDecompressSync(packed);
  } catch {
    throw new DamagedChunkError("what was compressed cannot be read");
  }
  expectIntact(raw.length === rawBytes, `${raw.length} raw bytes, ${rawBytes} are wanted`);
  return raw;
}

function readColumns(input: ByteReader, chunksMax: number): BlockIndex {
  const count = input.varint();
  const unitCount = input.varint();
  // A chunk has a byte in each of its twelve columns at least, a unit six bytes.
  expectIntact(
    count <= chunksMax && count * 12 <= input.left && unitCount * 6 <= input.left,
    `an index of ${count} chunks and ${unitCount} units`,
  );
  const numbers = () => new Uint32Array(count);
  const doubles = () => new Float64Array(count);
  const [seriesIds, counts, superseded, units, offsets, lengths] = [
    numbers(),
    numbers(),
    numbers(),
    numbers(),
    numbers(),
    numbers(),
  ];
  const [fromUs, toUs, firsts, lasts, mins, maxs, sums] = Array.from({ length: 7 }, doubles);
  let seriesId = 0;
  for (let i = 0; i < count; i++) seriesIds[i] = seriesId += input.varint();
  for (let i = 0; i < count; i++) counts[i] = input.varint();
  for (let i = 0; i < count; i++) superseded[i] = input.varint();
  const unitUs = UNITS_US[input.u8()];
  expectIntact(unitUs !== undefined, "an index with an unknown unit of time");
  let timeUs = 0;
  for (let i = 0; i < count; i++) fromUs[i] = timeUs += input.zigzag() * unitUs;
  for (let i = 0; i < count; i++) toUs[i] = fromUs[i] + input.varint() * unitUs;
  const exponents = new Uint8Array(count);
  for (let i = 0; i < count; i++) exponents[i] = input.u8();
  for (const [column, values] of [firsts, lasts, mins, maxs, sums].entries()) {
    for (let i = 0; i < count; i++) {
      if (exponents[i] === RAW) {
        values[i] = input.f64();
        continue;
      }
      if (exponents[i] > EXPONENT_MAX) throw new DamagedChunkError(`an exponent of ${exponents[i]}`);
      const power = 10 ** exponents[i];
      const first = column === 0 ? 0 : Math.round(firsts[i] * power);
      values[i] = (base(column, first, counts[i] - superseded[i]) + input.zigzag() * SIGNS[column]) / power;
    }
  }
  for (let i = 0; i < count; i++) lengths[i] = input.varint();
  const [unitOffsets, unitLengths, unitRawLengths, unitCrcs] = Array.from(
    { length: 4 },
    () => new Uint32Array(unitCount),
  );
  let chunk = 0;
  for (let unit = 0; unit < unitCount; unit++) {
    const chunks = input.varint();
    expectIntact(chunks <= count - chunk, `a unit of ${chunks} chunks`);
    for (const end = chunk + chunks; chunk < end; chunk++) {
      units[chunk] = unit;
      offsets[chunk] = unitRawLengths[unit];
      unitRawLengths[unit] += lengths[chunk];
    }
  }
  expectIntact(chunk === count, `${count - chunk} chunks have no unit`);
  let offset = 0;
  for (let unit = 0; unit < unitCount; unit++) {
    unitOffsets[unit] = offset;
    offset += unitLengths[unit] = input.varint();
  }
  for (let unit = 0; unit < unitCount; unit++) unitCrcs[unit] = input.u32();
  const columns = { seriesIds, counts, superseded, fromUs, toUs, firsts, lasts, mins, maxs, sums, exponents };
  return { count, ...columns, units, offsets, lengths, unitCount, unitOffsets, unitLengths, unitRawLengths, unitCrcs };
}

/** The exponent at which a summary's values can be kept relative to each other, or {@link RAW}. */
export function exponentOfSummary(chunk: ChunkSummary, least: number): number {
  const values = valuesOf(chunk);
  const standing = chunk.count - chunk.superseded;
  for (let exponent = least; exponent <= EXPONENT_MAX; exponent++) {
    const power = 10 ** exponent;
    const isExact = values.every((value, column) => {
      const whole = Math.round(value * power);
      return (
        Math.abs(whole) < 2 ** 50 &&
        !Object.is(value, -0) &&
        whole / power === value &&
        Math.abs(relative(values, column, power, standing)) < 2 ** 51
      );
    });
    if (isExact) return exponent;
  }
  return RAW;
}

function valuesOf({ first, last, min, max, sum }: ChunkSummary): readonly number[] {
  return [first, last, min, max, sum];
}

/** min lies below first, everything else mostly above. */
const SIGNS = [1, 1, -1, 1, 1];

/** What a column's numbers are relative to. */
function base(column: number, first: number, standing: number): number {
  if (column === 0) return 0;
  return column === 4 ? first * standing : first;
}

function relative(values: readonly number[], column: number, power: number, standing: number): number {
  const first = Math.round(values[0] * power);
  return (Math.round(values[column] * power) - base(column, first, standing)) * SIGNS[column];
}
