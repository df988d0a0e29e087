/** Reads the records of a segment back, around whatever is damaged. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { basename } from "node:path";
import { RECORD_BYTES_MAX, RECORD_HEADER_BYTES, RECORD_MAGIC, scanRecord, type ScannedRecord } from "./record.ts";
import { readSegmentHeader, SEGMENT_HEADER_BYTES } from "./segment.ts";

const WINDOW_BYTES = 1024 * 1024;
/** Records begin at multiples of it. */
const ALIGNMENT = 8;

/** How a segment ended. */
export interface SegmentEnd {
  /** Where the last whole record ends. */
  readonly wholeBytes: number;
  /** Something follows it that a crash may have left: the unfinished write of a record. */
  readonly torn: boolean;
}

/**
 * Yields the whole records of a segment in order, each in a buffer of its own. What is damaged is named (file, place,
 * why) and stepped over to the next record that is whole; an unfinished record at the end is where it ends. Throws only
 * where the file cannot be read at all, or was written by a later version.
 */
export function* replayRecords(path: string, onDamage: (sentence: string) => void): Generator<ArrayBuffer, SegmentEnd> {
  const file = new WindowedFile(path);
  try {
    const header = file.read(0, SEGMENT_HEADER_BYTES);
    if (header.byteLength < SEGMENT_HEADER_BYTES) return { wholeBytes: 0, torn: true };
    const wrong = readSegmentHeader(basename(path), header);
    if (wrong !== undefined) onDamage(wrong);
    let offset = SEGMENT_HEADER_BYTES;
    let lastSeq = -1;
    while (offset < file.size) {
      const scanned = scanAt(file, offset);
      if (scanned.kind === "record" && scanned.seq > lastSeq) {
        yield file.read(offset, scanned.bytes).slice().buffer;
        lastSeq = scanned.seq;
        offset += scanned.bytes;
        continue;
      }
      const next = findRecord(file, offset + ALIGNMENT, lastSeq);
      const torn = next === undefined && (scanned.kind === "short" || file.isZero(offset));
      if (torn) return { wholeBytes: offset, torn };
      onDamage(describe(path, offset, next ?? file.size, scanned));
      if (next === undefined) return { wholeBytes: file.size, torn: false };
      offset = next;
    }
    return { wholeBytes: offset, torn: false };
  } finally {
    file.close();
  }
}

function describe(path: string, from: number, to: number, scanned: ScannedRecord): string {
  const why = scanned.kind === "record" ? `sequence ${scanned.seq} does not follow` : scanned.reason;
  return `${basename(path)}, bytes ${from} to ${to} are damaged: ${why}; the records there are not served`;
}

function scanAt(file: WindowedFile, offset: number): ScannedRecord {
  const header = file.read(offset, RECORD_HEADER_BYTES);
  if (header.byteLength < RECORD_HEADER_BYTES) return scanRecord(header, 0);
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const claimed = view.getUint32(4, true);
  const plausible = view.getUint32(0, true) === RECORD_MAGIC && claimed <= RECORD_BYTES_MAX;
  return scanRecord(file.read(offset, plausible ? Math.max(claimed, RECORD_HEADER_BYTES) : RECORD_HEADER_BYTES), 0);
}

/** Where the next whole record stands, if there is one. */
function findRecord(file: WindowedFile, from: number, lastSeq: number): number | undefined {
  for (let offset = from; offset + RECORD_HEADER_BYTES <= file.size; offset += ALIGNMENT) {
    const magic = file.read(offset, 4);
    if ((magic[0] | (magic[1] << 8) | (magic[2] << 16) | (magic[3] << 24)) !== RECORD_MAGIC) continue;
    const scanned = scanAt(file, offset);
    if (scanned.kind === "record" && scanned.seq > lastSeq) return offset;
  }
  return undefined;
}

/** A file read through a window, so that a large segment is never in memory as a whole. */
class WindowedFile {
  readonly size: number;
  readonly #fd: number;
  #window = new Uint8Array(WINDOW_BYTES);
  #at = 0;
  #filled = 0;

  constructor(path: string) {
    this.#fd = openSync(path, "r");
    this.size = fstatSync(this.#fd).size;
  }

  /** A view of the bytes, fewer at the end of the file; valid until the next call. */
  read(offset: number, bytes: number): Uint8Array<ArrayBuffer> {
    if (offset < this.#at || offset + bytes > this.#at + this.#filled) this.#fill(offset, bytes);
    const from = offset - this.#at;
    return this.#window.subarray(from, Math.max(from, Math.min(from + bytes, this.#filled)));
  }

  isZero(from: number): boolean {
    for (let offset = from; offset < this.size; offset += WINDOW_BYTES) {
      if (this.read(offset, WINDOW_BYTES).some((byte) => byte !== 0)) return false;
    }
    return true;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #fill(offset: number, bytes: number): void {
    if (bytes > this.#window.byteLength) this.#window = new Uint8Array(bytes);
    this.#at = offset;
    this.#filled = 0;
    while (this.#filled < this.#window.byteLength) {
      const left = this.#window.byteLength - this.#filled;
      const read = readSync(this.#fd, this.#window, this.#filled, left, offset + this.#filled);
      if (read === 0) break;
      this.#filled += read;
    }
  }
}
