/**
 * The tar format (POSIX ustar) as far as a backup needs it: regular files with short names. Any tar program reads it.
 * Sizes of 8 GiB and more are written in base 256, as GNU tar and pax do.
 */
export const TAR_BLOCK_BYTES = 512;
/** What ends an archive. */
export const TAR_END_BYTES = 2 * TAR_BLOCK_BYTES;

const NAME_BYTES_MAX = 100;
const SIZE_AT = 124;
const SIZE_BYTES = 12;
const CHECKSUM_AT = 148;
const CHECKSUM_BYTES = 8;
const MAGIC_AT = 257;
const OCTAL_SIZE_END = 8 ** 11;
const BASE_256 = 0x80;
const REGULAR_FILE = 0x30;

export interface TarEntry {
  readonly name: string;
  readonly bytes: number;
  /** Permissions; by default its owner may read and write it. */
  readonly mode?: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Zeros that follow a file of so many bytes. */
export function tarPaddingBytes(bytes: number): number {
  return (TAR_BLOCK_BYTES - (bytes % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES;
}

/** The header of a file; its bytes and their padding follow. Throws where the name has more than 100 bytes. */
export function tarHeader({ name, bytes, mode = 0o600 }: TarEntry, modifiedMs: number): Uint8Array {
  const header = new Uint8Array(TAR_BLOCK_BYTES);
  const encoded = encoder.encode(name);
  if (encoded.length > NAME_BYTES_MAX) throw new RangeError(`a name of ${encoded.length} bytes; tar takes 100`);
  header.set(encoded);
  const octal = (at: number, digits: number, value: number) =>
    header.set(encoder.encode(value.toString(8).padStart(digits, "0")), at);
  octal(100, 7, mode);
  octal(108, 7, 0);
  octal(116, 7, 0);
  if (bytes < OCTAL_SIZE_END) octal(SIZE_AT, SIZE_BYTES - 1, bytes);
  else writeBase256(header, bytes);
  octal(136, 11, Math.floor(modifiedMs / 1000));
  header[156] = REGULAR_FILE;
  header.set(encoder.encode("ustar\x0000"), MAGIC_AT);
  octal(CHECKSUM_AT, 6, checksum(header));
  header[CHECKSUM_AT + 7] = 0x20;
  return header;
}

/** The entry of a header; null where the archive ends. Throws, in words, where it is no header of a regular file. */
export function readTarHeader(header: Uint8Array): TarEntry | null {
  if (header.length < TAR_BLOCK_BYTES) throw new Error("it ends inside a header");
  if (header.every((byte) => byte === 0)) return null;
  if (octalOf(header, CHECKSUM_AT, CHECKSUM_BYTES) !== checksum(header)) {
    throw new Error("a tar header does not match its checksum");
  }
  const end = header.indexOf(0);
  const name = decoder.decode(header.subarray(0, end < 0 || end > NAME_BYTES_MAX ? NAME_BYTES_MAX : end));
  if (header[156] !== REGULAR_FILE && header[156] !== 0) throw new Error(`its entry ${name} is no regular file`);
  const bytes = header[SIZE_AT] & BASE_256 ? readBase256(header) : octalOf(header, SIZE_AT, SIZE_BYTES);
  if (!Number.isSafeInteger(bytes)) throw new Error(`its entry ${name} has no readable size`);
  return { name, bytes };
}

/** Sum of all bytes, the checksum's own counted as spaces. */
function checksum(header: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < TAR_BLOCK_BYTES; i++) {
    sum += i >= CHECKSUM_AT && i < CHECKSUM_AT + CHECKSUM_BYTES ? 0x20 : header[i];
  }
  return sum;
}

function octalOf(header: Uint8Array, at: number, bytes: number): number {
  const text = String.fromCharCode(...header.subarray(at, at + bytes)).replace(/[\0 ]+$/, "");
  return /^ *[0-7]+$/.test(text) ? Number.parseInt(text, 8) : NaN;
}

function writeBase256(header: Uint8Array, value: number): void {
  for (let i = SIZE_BYTES - 1, rest = value; i > 0; i--, rest = Math.floor(rest / 256))
    header[SIZE_AT + i] = rest % 256;
  header[SIZE_AT] = BASE_256;
}

function readBase256(header: Uint8Array): number {
  let value = header[SIZE_AT] & ~BASE_256;
  for (let i = 1; i < SIZE_BYTES; i++) value = value * 256 + header[SIZE_AT + i];
  return value;
}
