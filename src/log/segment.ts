/**
 * One segment of the log, open for appending. The file begins with 16 bytes, little endian: u32 magic "WPLS",
 * u32 version, f64 first sequence; records follow (record.ts).
 */
import { closeSync, fdatasyncSync, fsyncSync, ftruncateSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { WatchpostError } from "../model/errors.ts";
import { PAGE_BYTES, type WrittenBytes } from "./written-bytes.ts";

const MAGIC = 0x534c5057;
const VERSION = 1;
export const SEGMENT_HEADER_BYTES = 16;
const NAME = /^log-(\d{16})\.wal$/;

export function segmentName(firstSeq: number): string {
  return `log-${String(firstSeq).padStart(16, "0")}.wal`;
}

/** The first sequence of the segment a file name stands for; undefined where it is none. */
export function firstSeqOf(name: string): number | undefined {
  const [, digits] = NAME.exec(name) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

export function segmentHeader(firstSeq: number): Uint8Array {
  const header = new DataView(new ArrayBuffer(SEGMENT_HEADER_BYTES));
  header.setUint32(0, MAGIC, true);
  header.setUint32(4, VERSION, true);
  header.setFloat64(8, firstSeq, true);
  return new Uint8Array(header.buffer);
}

/** In words what is wrong with a header. Throws FAILED_PRECONDITION where a later version wrote it. */
export function readSegmentHeader(name: string, header: Uint8Array): string | undefined {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  if (view.getUint32(0, true) !== MAGIC) return `${name}: the header of the segment is damaged`;
  const version = view.getUint32(4, true);
  if (version <= VERSION) return undefined;
  throw new WatchpostError(
    "FAILED_PRECONDITION",
    `${name} has format ${version}, this Watchpost knows up to ${VERSION}: start the version that wrote it`,
  );
}

export class Segment {
  readonly path: string;
  lastSeq: number;
  readonly #fd: number;
  readonly #written: WrittenBytes;
  /** Of the header and whole records; what follows them is the rest of a write that failed. */
  #bytes = SEGMENT_HEADER_BYTES;
  #syncedBytes = SEGMENT_HEADER_BYTES;
  #hasFailedSync = false;

  private constructor(path: string, fd: number, firstSeq: number, written: WrittenBytes) {
    this.path = path;
    this.#fd = fd;
    this.#written = written;
    this.lastSeq = firstSeq - 1;
  }

  /** Creates the file, durably: it is found after a power cut. */
  static create(dir: string, firstSeq: number, written: WrittenBytes): Segment {
    const path = join(dir, segmentName(firstSeq));
    const fd = openSync(path, "wx", 0o600);
    try {
      writeAll(fd, segmentHeader(firstSeq), 0);
      fsyncSync(fd);
      syncDirectory(dir);
    } catch (error) {
      closeSync(fd);
      removeQuietly(path);
      throw error;
    }
    written.add("log", PAGE_BYTES);
    return new Segment(path, fd, firstSeq, written);
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#bytes === SEGMENT_HEADER_BYTES;
  }

  /** Of records that were taken. */
  get unsyncedBytes(): number {
    return this.#bytes - this.#syncedBytes;
  }

  /** A sync has failed: what was not synced before may not be on the disk, whatever a later sync says. */
  get hasFailedSync(): boolean {
    return this.#hasFailedSync;
  }

  /**
   * Writes one record, and unless `syncsLater` syncs it: it is taken when this returns. After it has thrown nothing more
   * may be appended.
   */
  append(record: Uint8Array, seq: number, syncsLater: boolean): void {
    const bytes = this.#bytes + record.byteLength;
    writeAll(this.#fd, record, this.#bytes);
    if (!syncsLater) this.#sync(bytes);
    this.#bytes = bytes;
    this.lastSeq = seq;
  }

  /** Makes everything that was taken durable. After it has thrown nothing more may be appended. */
  sync(): void {
    if (this.unsyncedBytes > 0) this.#sync(this.#bytes);
  }

  /** Whether `bytes` more could be written. Throws what the system says when not; leaves nothing behind. */
  probe(bytes: number): void {
    try {
      writeAll(this.#fd, new Uint8Array(bytes), this.#bytes);
    } finally {
      ftruncateSync(this.#fd, this.#bytes);
    }
  }

  /** Cuts off what was written and not taken, and syncs the rest. */
  cutBack(): void {
    ftruncateSync(this.#fd, this.#bytes);
    this.#noteFailure(() => fsyncSync(this.#fd));
    if (!this.#hasFailedSync) this.#syncedBytes = this.#bytes;
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** Removes the file, which must hold no record. */
  remove(): void {
    this.close();
    removeQuietly(this.path);
  }

  #sync(bytes: number): void {
    const beganAtMs = performance.now();
    this.#noteFailure(() => fdatasyncSync(this.#fd));
    this.#written.noteSync(performance.now() - beganAtMs);
    // The page that the last sync ended in is written again.
    const pages = Math.ceil(bytes / PAGE_BYTES) - Math.floor(this.#syncedBytes / PAGE_BYTES);
    this.#written.add("log", pages * PAGE_BYTES);
    this.#syncedBytes = bytes;
  }

  #noteFailure(sync: () => void): void {
    try {
      sync();
    } catch (error) {
      this.#hasFailedSync = true;
      throw error;
    }
  }
}

/** Makes the names in a directory durable. */
export function syncDirectory(dir: string): void {
  if (process.platform === "win32") return;
  const fd = openSync(dir, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** What stays behind holds no record, and is removed when the log is opened. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The failure that led here is the one to tell.
  }
}

function writeAll(fd: number, bytes: Uint8Array, at: number): void {
  let written = 0;
  while (written < bytes.byteLength) {
    const count = writeSync(fd, bytes, written, bytes.byteLength - written, at + written);
    if (count === 0) throw new Error(`${written} of ${bytes.byteLength} bytes were written`);
    written += count;
  }
}
