/**
 * The log's record: one committed frame and the series it is the first to use. Built on the event loop, written to disk
 * as it is by the log worker, absorbed from the same buffer by the store worker. Little endian, every column aligned:
 *
 *     0  u32  magic "WPL1"
 *     4  u32  bytes of the whole record, a multiple of 8
 *     8  u32  CRC-32 of everything from byte 12
 *    12  u32  flags: bit 0, the wall clock was untrusted at arrival
 *    16  f64  sequence
 *    24  f64  arrival, Unix milliseconds
 *    32  u32  points n
 *    36  u32  bytes of the series definitions
 *    40  f64 × n  event times, Unix microseconds
 *     …  f64 × n  values
 *     …  u32 × n  series ids
 *     …  definitions: u32 id, u32 key bytes, key (UTF-8), each without padding
 *     …  zeros to a multiple of 8
 *
 * The buffer a record stands in may be longer than the record.
 */
import { POINT_BYTES, type Frame } from "../model/frame.ts";
import type { SeriesDefinition } from "../model/series-registry.ts";

export const RECORD_MAGIC = 0x314c5057;
export const RECORD_HEADER_BYTES = 40;
/** No record is larger; a length field beyond it is damage. */
export const RECORD_BYTES_MAX = 64 * 1024 * 1024;
const FLAG_CLOCK_UNTRUSTED = 1;
const CRC_FROM = 12;

export interface RecordFrame extends Frame {
  readonly clockUntrusted: boolean;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Builds a record without its checksum: {@link sealRecord} adds it, on the log worker. Columns are copied. `take` makes
 * the buffer, of at least that many bytes.
 */
export function encodeRecord(
  frame: RecordFrame,
  definitions: readonly SeriesDefinition[],
  take: (bytes: number) => ArrayBuffer = (bytes) => new ArrayBuffer(bytes),
): ArrayBuffer {
  const keys = definitions.map(({ key }) => encoder.encode(key));
  const definitionBytes = keys.reduce((sum, key) => sum + 8 + key.byteLength, 0);
  const { count } = frame;
  const bytes = alignedTo8(RECORD_HEADER_BYTES + count * POINT_BYTES + definitionBytes);
  const buffer = take(bytes);
  const header = new DataView(buffer);
  header.setUint32(0, RECORD_MAGIC, true);
  header.setUint32(4, bytes, true);
  header.setUint32(12, frame.clockUntrusted ? FLAG_CLOCK_UNTRUSTED : 0, true);
  header.setFloat64(16, frame.seq, true);
  header.setFloat64(24, frame.arrivalMs, true);
  header.setUint32(32, count, true);
  header.setUint32(36, definitionBytes, true);
  const at = columnOffsets(count);
  new Float64Array(buffer, at.timesUs, count).set(frame.timesUs.subarray(0, count));
  new Float64Array(buffer, at.values, count).set(frame.values.subarray(0, count));
  new Uint32Array(buffer, at.seriesIds, count).set(frame.seriesIds.subarray(0, count));
  let offset = at.definitions;
  definitions.forEach(({ id }, i) => {
    const key = keys[i]!;
    header.setUint32(offset, id, true);
    header.setUint32(offset + 4, key.byteLength, true);
    new Uint8Array(buffer, offset + 8, key.byteLength).set(key);
    offset += 8 + key.byteLength;
  });
  new Uint8Array(buffer, offset, bytes - offset).fill(0);
  return buffer;
}

/** The record that stands in a buffer. */
export function recordIn(buffer: ArrayBuffer): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer, 0, new DataView(buffer).getUint32(4, true));
}

/** Writes the checksum into a record. */
export function sealRecord(buffer: ArrayBuffer): void {
  new DataView(buffer).setUint32(8, checksum(recordIn(buffer).subarray(CRC_FROM)), true);
}

/** The frame of a whole record; its columns are views on `buffer`. The checksum is not looked at. */
export function frameOfRecord(buffer: ArrayBuffer): RecordFrame {
  const header = new DataView(buffer);
  const count = header.getUint32(32, true);
  const at = columnOffsets(count);
  return {
    seq: header.getFloat64(16, true),
    arrivalMs: header.getFloat64(24, true),
    clockUntrusted: (header.getUint32(12, true) & FLAG_CLOCK_UNTRUSTED) !== 0,
    count,
    timesUs: new Float64Array(buffer, at.timesUs, count),
    values: new Float64Array(buffer, at.values, count),
    seriesIds: new Uint32Array(buffer, at.seriesIds, count),
  };
}

/** The series definitions of a whole record. */
export function definitionsOfRecord(buffer: ArrayBuffer): SeriesDefinition[] {
  const header = new DataView(buffer);
  let offset = columnOffsets(header.getUint32(32, true)).definitions;
  const end = offset + header.getUint32(36, true);
  const definitions: SeriesDefinition[] = [];
  while (offset < end) {
    const keyBytes = header.getUint32(offset + 4, true);
    const key = decoder.decode(new Uint8Array(buffer, offset + 8, keyBytes));
    definitions.push({ id: header.getUint32(offset, true), key });
    offset += 8 + keyBytes;
  }
  return definitions;
}

/** What stands at one place of a segment. */
export type ScannedRecord =
  | { kind: "record"; bytes: number; seq: number }
  /** The segment ends inside the record: the unfinished write of a crash, or a cut file. */
  | { kind: "short"; reason: string }
  /** Not a record, or one whose checksum does not match. */
  | { kind: "damaged"; reason: string };

/** Looks at the record that starts at `offset` of a segment's bytes. Never throws, whatever stands there. */
export function scanRecord(segment: Uint8Array, offset: number): ScannedRecord {
  const left = segment.byteLength - offset;
  if (left < RECORD_HEADER_BYTES)
    return { kind: "short", reason: `${left} bytes are left, a record header has ${RECORD_HEADER_BYTES}` };
  const header = new DataView(segment.buffer, segment.byteOffset + offset, RECORD_HEADER_BYTES);
  if (header.getUint32(0, true) !== RECORD_MAGIC) return { kind: "damaged", reason: "no record starts here" };
  const bytes = header.getUint32(4, true);
  const count = header.getUint32(32, true);
  const definitionBytes = header.getUint32(36, true);
  const wanted = alignedTo8(RECORD_HEADER_BYTES + count * POINT_BYTES + definitionBytes);
  if (bytes > RECORD_BYTES_MAX || bytes !== wanted) {
    return { kind: "damaged", reason: `the record says ${bytes} bytes, its counts make ${wanted}` };
  }
  if (bytes > left) return { kind: "short", reason: `the record has ${bytes} bytes, ${left} are left` };
  const crc = checksum(segment.subarray(offset + CRC_FROM, offset + bytes));
  if (crc !== header.getUint32(8, true)) return { kind: "damaged", reason: "checksum mismatch" };
  return { kind: "record", bytes, seq: header.getFloat64(16, true) };
}

function checksum(bytes: Uint8Array): number {
  return Bun.hash.crc32(bytes);
}

function columnOffsets(count: number) {
  const timesUs = RECORD_HEADER_BYTES;
  const values = timesUs + 8 * count;
  const seriesIds = values + 8 * count;
  return { timesUs, values, seriesIds, definitions: seriesIds + 4 * count };
}

function alignedTo8(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
