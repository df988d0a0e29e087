/** Snappy's block format, as Prometheus packs with it. Source: format_description.txt of google/snappy. Pure. */

/** It is no block of Snappy. */
export class DamagedSnappyError extends Error {}
/** It says that it would become more than is allowed. */
export class LargeSnappyError extends Error {}

/** Longer runs are worth a call. */
const SHORT_MAX = 32;

/** Throws {@link DamagedSnappyError} and {@link LargeSnappyError}, before it takes memory for what cannot be. */
export function unpackSnappy(packed: Uint8Array, bytesMax: number): Uint8Array {
  const unpacker = new SnappyUnpacker(packed, bytesMax);
  while (!unpacker.step(Infinity));
  return unpacker.unpacked;
}

/** The same in steps. */
export class SnappyUnpacker {
  /** What it becomes, by what it says. */
  readonly length: number;
  readonly #packed: Uint8Array;
  #unpacked: Uint8Array | undefined;
  #at: number;
  #to = 0;

  /** Takes no memory yet. Throws {@link DamagedSnappyError} and {@link LargeSnappyError}. */
  constructor(packed: Uint8Array, bytesMax: number) {
    const { length, at } = lengthOf(packed);
    if (length > bytesMax) throw new LargeSnappyError(`${length} bytes unpacked; wanted at most ${bytesMax}`);
    // Three bytes become 64 at most.
    if (length > 22 * packed.length) throw new DamagedSnappyError("it is too short for what it is to become");
    this.#packed = packed;
    this.#at = at;
    this.length = length;
  }

  /** Once {@link step} says that it is. */
  get unpacked(): Uint8Array {
    return this.#unpacked!;
  }

  /** Goes on by about so many packed bytes; true once all is unpacked. Throws {@link DamagedSnappyError}. */
  step(packedBytes: number): boolean {
    const packed = this.#packed;
    const { length } = this;
    const unpacked = (this.#unpacked ??= new Uint8Array(length));
    const until = Math.min(packed.length, this.#at + packedBytes);
    let [at, to] = [this.#at, this.#to];
    while (at < until) {
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
        if (count > SHORT_MAX) unpacked.set(packed.subarray(at, at + count), to);
        else for (let i = 0; i < count; i++) unpacked[to + i] = packed[at + i];
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
      if (offset >= count && count > SHORT_MAX) unpacked.copyWithin(to, to - offset, to - offset + count);
      else for (let i = 0; i < count; i++) unpacked[to + i] = unpacked[to + i - offset];
      to += count;
    }
    this.#at = at;
    this.#to = to;
    if (at < packed.length) return false;
    if (to !== length) throw new DamagedSnappyError(`it becomes ${to} bytes; wanted ${length}`);
    return true;
  }
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
  if (width === 1) return bytes[at];
  let value = 0;
  for (let i = 0; i < width; i++) value += bytes[at + i] * 2 ** (8 * i);
  return value;
}
