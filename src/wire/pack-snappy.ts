/** Packs in Snappy's block format. Source: format_description.txt of google/snappy. Pure. */

const TABLE_BITS = 14;
/** As far as a copy of three bytes reaches back. */
const OFFSET_MAX = 65_535;
/** What is shorter is a literal. */
const COPY_MIN = 4;
/** Bytes without a match after which every second one is looked at, then every third, and so on. */
const SKIP_AFTER = 32;

export function packSnappy(input: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length } = input;
  const packed = new Uint8Array(32 + length + Math.floor(length / 6));
  const table = new Int32Array(1 << TABLE_BITS).fill(-OFFSET_MAX - 1);
  let to = putVarint(packed, 0, length);
  let literalFrom = 0;
  let skipped = SKIP_AFTER;
  for (let at = 0; at + COPY_MIN <= length;) {
    const word = wordAt(input, at);
    const slot = Math.imul(word, 0x1e35a7bd) >>> (32 - TABLE_BITS);
    const found = table[slot];
    table[slot] = at;
    if (at - found > OFFSET_MAX || wordAt(input, found) !== word) {
      at += skipped++ >>> 5;
      continue;
    }
    let count = COPY_MIN;
    while (at + count < length && input[found + count] === input[at + count]) count++;
    to = putLiteral(packed, to, input, literalFrom, at);
    to = putCopy(packed, to, at - found, count);
    at += count;
    literalFrom = at;
    skipped = SKIP_AFTER;
  }
  return packed.subarray(0, putLiteral(packed, to, input, literalFrom, length));
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}

function putVarint(into: Uint8Array, at: number, value: number): number {
  for (; value >= 0x80; value >>>= 7) into[at++] = (value & 0x7f) | 0x80;
  into[at++] = value;
  return at;
}

function putLiteral(into: Uint8Array, at: number, input: Uint8Array, from: number, end: number): number {
  const count = end - from;
  if (count === 0) return at;
  if (count <= 60) {
    into[at++] = (count - 1) << 2;
    for (let i = from; i < end; i++) into[at++] = input[i];
    return at;
  }
  const width = count <= 0x100 ? 1 : count <= 0x1_0000 ? 2 : count <= 0x100_0000 ? 3 : 4;
  into[at++] = (59 + width) << 2;
  for (let i = 0; i < width; i++) into[at++] = ((count - 1) >>> (8 * i)) & 0xff;
  into.set(input.subarray(from, end), at);
  return at + count;
}

function putCopy(into: Uint8Array, at: number, offset: number, count: number): number {
  // What is left of it is no shorter than a copy may be.
  while (count > 64) {
    const part = count >= 68 ? 64 : 60;
    at = putLongCopy(into, at, offset, part);
    count -= part;
  }
  if (count >= 12 || offset >= 2_048) return putLongCopy(into, at, offset, count);
  into[at++] = ((offset >>> 8) << 5) | ((count - 4) << 2) | 1;
  into[at++] = offset & 0xff;
  return at;
}

function putLongCopy(into: Uint8Array, at: number, offset: number, count: number): number {
  into[at++] = ((count - 1) << 2) | 2;
  into[at++] = offset & 0xff;
  into[at++] = offset >>> 8;
  return at;
}
