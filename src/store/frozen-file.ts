/** A period file that is being copied for a backup, piece by piece, while nothing writes to it. */
import { closeSync, existsSync, fstatSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { WatchpostError } from "../model/errors.ts";
import type { Block } from "./block.ts";
import type { PeriodFile } from "./period-file.ts";
import type { Slice } from "./slice.ts";

/** Files up to this size are set aside for a writer; a larger one makes it go on in another part. */
const SET_ASIDE_BYTES_MAX = 64 * 1024 * 1024;
const COPY_BYTES = 256 * 1024;
/** Where SQLite counts the transactions of a file. */
const CHANGE_COUNTER_AT = 24;

/** Names of what is set aside; a crash may leave some. */
export const SET_ASIDE = /^backup-.*\.aside$/;

export interface FrozenPiece {
  readonly data: Uint8Array<ArrayBuffer>;
  /** With the last piece: of all of the file, in hexadecimal. */
  readonly sha256: string | null;
}

export class FrozenFile {
  readonly file: PeriodFile;
  readonly bytes: number;
  readonly #dir: string;
  readonly #blocks: readonly Block[];
  readonly #hasher = new Bun.CryptoHasher("sha256");
  #path: string;
  #fd: number | null = null;
  #read = 0;
  #isReleased = false;

  /** Freezes the file, which holds `blocks`. Throws where it cannot be read as it should be. */
  constructor(dir: string, file: PeriodFile, blocks: readonly Block[]) {
    this.#dir = dir;
    this.#blocks = blocks;
    this.#path = join(dir, file.name);
    this.file = file;
    file.freeze();
    this.bytes = file.bytes;
  }

  /**
   * Equal only for equal files. SQLite's count of transactions alone is no proof, for a restored directory counts on
   * from where its backup stood; checksums of all blocks tell such twins apart. Null when the file is gone.
   */
  identity(): string | null {
    if (!existsSync(this.#path)) return null;
    const cells = this.#blocks.flatMap((block) =>
      [block.id, block.ord, block.level, block.seqFrom, block.seqTo].concat([
        block.points,
        block.indexBytes,
        block.indexCrc,
        block.bodyBytes,
        block.arrivalFromS,
        block.arrivalToS,
      ]),
    );
    const counter = Buffer.alloc(4);
    const fd = openSync(this.#path, "r");
    try {
      readSync(fd, counter, 0, counter.length, CHANGE_COUNTER_AT);
    } finally {
      closeSync(fd);
    }
    const digest = new Bun.CryptoHasher("sha256").update(Float64Array.from(cells)).digest("hex");
    return `${this.bytes}-${counter.readUInt32BE()}-${digest.slice(0, 32)}`;
  }

  /** The next bytes; null when the file is gone before the first were read. Throws ABORTED when it goes later. */
  next(): FrozenPiece | null {
    if (this.#fd === null) {
      if (this.#read === 0 && !existsSync(this.#path)) return null;
      this.#fd = openSync(this.#path, "r");
    }
    const data = new Uint8Array(Math.min(COPY_BYTES, this.bytes - this.#read));
    const got = readSync(this.#fd, data, 0, data.length, this.#read);
    if (got < data.length || fstatSync(this.#fd).size !== this.bytes) {
      const message = `${this.file.name} changed while it was copied: it was removed; start the backup again`;
      throw new WatchpostError("ABORTED", message);
    }
    this.#hasher.update(data);
    this.#read += got;
    return { data, sha256: this.#read === this.bytes ? this.#hasher.digest("hex") : null };
  }

  /**
   * Lets somebody write to the file: what is still to be read goes to a file of its own. Returns false where the file is
   * too large for that or there is no room for it; it stays frozen then.
   */
  *setAside(slice: Slice): Generator<void, boolean> {
    if (this.bytes > SET_ASIDE_BYTES_MAX) return false;
    const aside = join(this.#dir, `backup-${this.file.name}.aside`);
    let from: number | null = null;
    let to: number | null = null;
    try {
      from = openSync(this.#path, "r");
      to = openSync(aside, "w", 0o600);
      const buffer = new Uint8Array(COPY_BYTES);
      for (let at = 0; at < this.bytes;) {
        const got = readSync(from, buffer, 0, buffer.length, at);
        if (got === 0 || writeSync(to, buffer, 0, got, at) < got) throw new Error("it is cut short");
        at += got;
        if (slice.over()) yield;
      }
    } catch {
      rmSync(aside, { recursive: true, force: true });
      return this.#isReleased;
    } finally {
      if (from !== null) closeSync(from);
      if (to !== null) closeSync(to);
    }
    if (this.#isReleased) return true;
    this.#closeFd();
    this.#path = aside;
    this.file.thaw();
    return true;
  }

  /** Thaws the file and removes what was set aside. Idempotent. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#closeFd();
    rmSync(join(this.#dir, `backup-${this.file.name}.aside`), { recursive: true, force: true });
    this.file.thaw();
  }

  #closeFd(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }
}
