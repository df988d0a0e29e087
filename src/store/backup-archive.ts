/** The archive of a backup, open for reading: what it holds, and the bytes of each file, checked as they are read. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { basename } from "node:path";
import { MANIFEST_NAME, parseManifest, type BackupFile, type BackupManifest } from "../model/backup-manifest.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { readTarHeader, TAR_BLOCK_BYTES, tarPaddingBytes } from "../model/tar.ts";

const PIECE_BYTES = 1024 * 1024;
const MANIFEST_BYTES_MAX = 256 * 1024 * 1024;

interface Place {
  readonly offset: number;
  readonly bytes: number;
}

export class BackupArchive {
  readonly path: string;
  readonly manifest: BackupManifest;
  /** Of the archive itself. */
  readonly bytes: number;
  readonly #fd: number;
  readonly #places: ReadonlyMap<string, Place>;

  /**
   * Reads headers and manifest. Throws FAILED_PRECONDITION where there is no file or a later version wrote it, DATA_LOSS
   * where it is no whole backup.
   */
  static open(path: string): BackupArchive {
    let fd: number;
    try {
      fd = openSync(path, "r");
    } catch (error) {
      throw new WatchpostError("FAILED_PRECONDITION", `${path} cannot be opened: ${messageOf(error)}`);
    }
    try {
      return new BackupArchive(path, fd);
    } catch (error) {
      closeSync(fd);
      throw new WatchpostError("DATA_LOSS", `${path} is no whole backup: ${messageOf(error)}`, { cause: error });
    }
  }

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
    this.bytes = fstatSync(fd).size;
    const { places, end } = placesIn(fd, this.bytes);
    this.#places = places;
    const place = places.get(MANIFEST_NAME);
    if (place === undefined) throw new Error("it has no manifest; a backup that was cut off has none");
    if (place.bytes > MANIFEST_BYTES_MAX) throw new Error(`its manifest has ${place.bytes} bytes`);
    const text = Buffer.from(bytesAt(fd, place.offset, place.bytes)).toString("utf8");
    this.manifest = parseManifest(text, (content) => new Bun.CryptoHasher("sha256").update(content).digest("hex"));
    const own = new Set<string>([MANIFEST_NAME]);
    for (const { name, bytes } of this.own()) {
      own.add(name);
      const found = places.get(name)?.bytes;
      if (found !== bytes) throw new Error(`${name} has ${found ?? "no"} bytes, the manifest says ${bytes}`);
    }
    const unknown = [...places.keys()].find(
      (name) => name !== MANIFEST_NAME && !this.own().some((f) => f.name === name),
    );
    if (unknown !== undefined) throw new Error(`${unknown} is in it, and not in its manifest`);
    if (this.bytes > end) throw new Error(`${this.bytes - end} bytes follow its end`);
  }

  get name(): string {
    return basename(this.path);
  }

  /** The files whose bytes are in this archive. */
  own(): BackupFile[] {
    return this.manifest.files.filter((file) => file.in === this.manifest.id);
  }

  /** The bytes of one of its own files. Throws DATA_LOSS after the last one where they are not what was backed up. */
  *pieces(file: Pick<BackupFile, "name" | "bytes" | "sha256">): Generator<Uint8Array, void> {
    const place = this.#places.get(file.name);
    if (place === undefined) throw this.#damaged(file.name, "it is not there");
    const hasher = new Bun.CryptoHasher("sha256");
    for (let at = 0; at < place.bytes; at += PIECE_BYTES) {
      const piece = bytesAt(this.#fd, place.offset + at, Math.min(PIECE_BYTES, place.bytes - at));
      hasher.update(piece);
      yield piece;
    }
    if (hasher.digest("hex") !== file.sha256) throw this.#damaged(file.name, "its checksum does not match");
  }

  close(): void {
    closeSync(this.#fd);
  }

  #damaged(name: string, why: string): WatchpostError {
    return new WatchpostError("DATA_LOSS", `${this.path}: ${name} is damaged: ${why}`);
  }
}

/** Where every file lies, and where the archive ends. Zeros that fill up files and end it are checked too. */
function placesIn(fd: number, size: number): { places: Map<string, Place>; end: number } {
  const places = new Map<string, Place>();
  let at = 0;
  for (;;) {
    if (at + TAR_BLOCK_BYTES > size) throw new Error("it is cut off");
    const entry = readTarHeader(bytesAt(fd, at, TAR_BLOCK_BYTES));
    at += TAR_BLOCK_BYTES;
    if (entry === null) break;
    if (places.has(entry.name)) throw new Error(`${entry.name} is in it twice`);
    const padding = tarPaddingBytes(entry.bytes);
    if (at + entry.bytes + padding > size) throw new Error(`it is cut off inside ${entry.name}`);
    places.set(entry.name, { offset: at, bytes: entry.bytes });
    at += entry.bytes;
    if (!isZero(bytesAt(fd, at, padding))) throw new Error(`what fills up ${entry.name} is not zero`);
    at += padding;
  }
  if (at + TAR_BLOCK_BYTES > size) throw new Error("it is cut off");
  if (!isZero(bytesAt(fd, at, TAR_BLOCK_BYTES))) throw new Error("its end is damaged");
  return { places, end: at + TAR_BLOCK_BYTES };
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function bytesAt(fd: number, at: number, bytes: number): Uint8Array {
  const buffer = new Uint8Array(bytes);
  for (let filled = 0; filled < bytes;) {
    const got = readSync(fd, buffer, filled, bytes - filled, at + filled);
    if (got === 0) throw new Error("it is cut off");
    filled += got;
  }
  return buffer;
}
