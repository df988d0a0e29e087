/** Snappy's block format, as Prometheus packs with it. Source: format_description.txt of google/snappy. */

/** It is no block of Snappy. */
export class DamagedSnappyError extends Error {}
/** It says that it would become more than is allowed. */
export class LargeSnappyError extends Error {}

/** Throws {@link DamagedSnappyError} and {@link LargeSnappyError}, before it takes memory for what cannot be. */
export function unpackSnappy(packed: Uint8Array, bytesMax: number): Uint8Array {
  const { length, at: from } = lengthOf(packed);
  if (length > bytesMax) throw new LargeSnappyError(`${length} bytes unpacked; wanted at most ${bytesMax}`);
  // Three bytes become 64 at most.
  if (length > 22 * packed.length) throw new DamagedSnappyError("it is too short for what it is to become");
  const unpacked = new Uint8Array(length);
  let [at, to] = [from, 0];
  while (at < packed.length) {
    const tag = packed[at++];
    const kind = tag & 3;
    if (kind === 0) {
      let count = tag >>> 2;
      if (count >= 60) {
        const width = count - 59;
        count = littleEndian(packed, at, width);
        at += width;
      }
      count++;
      if (at + count > packed.length || to + count > length) throw new DamagedSnappyError("a literal is cut off");
      unpacked.set(packed.subarray(at, at + count), to);
      at += count;
      to += count;
      continue;
    }
    const width = kind === 3 ? 4 : kind;
    const low = littleEndian(packed, at, width);
    at += width;
    const count = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
    const offset = kind === 1 ? ((tag >>> 5) << 8) | low : low;
    if (offset === 0 || offset > to || to + count > length) throw new DamagedSnappyError("a copy is out of range");
    if (offset >= count) unpacked.copyWithin(to, to - offset, to - offset + count);
    else for (let i = 0; i < count; i++) unpacked[to + i] = unpacked[to + i - offset];
    to += count;
  }
  if (to !== length) throw new DamagedSnappyError(`it becomes ${to} bytes; wanted ${length}`);
  return unpacked;
}

function lengthOf(packed: Uint8Array): { length: number; at: number } {
  let length = 0;
  for (let at = 0; at < Math.min(packed.length, 5); at++) {
    length += (packed[at] & 0x7f) * 2 ** (7 * at);
    if (packed[at] < 0x80) return { length, at: at + 1 };
  }
  throw new DamagedSnappyError("it has no length");
}

function littleEndian(bytes: Uint8Array, at: number, width: number): number {
  if (at + width > bytes.length) throw new DamagedSnappyError("it is cut off");
  let value = 0;
  for (let i = 0; i < width; i++) value += bytes[at + i] * 2 ** (8 * i);
  return value;
}
