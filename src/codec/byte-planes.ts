/**
 * Whole numbers as byte planes: all lowest bytes, then all second ones, up to the width the largest needs. Neighbouring
 * bytes are alike then, and an entropy coder needs about as many bits as the numbers have.
 */
import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { expectIntact } from "./damaged.ts";

export const WIDTH_MAX = 7;
const TWO_32 = 2 ** 32;

/** Bytes that hold 0 to `max`, which is below 2^53. */
export function widthOf(max: number): number {
  let width = 1;
  for (let limit = 256; max >= limit && width < WIDTH_MAX; limit *= 256) width++;
  return width;
}

/** Writes numbers [0, count) of `numbers`: whole, not negative, below 256^width. */
export function writePlanes(out: ByteWriter, numbers: Float64Array, count: number, width: number): void {
  const at = out.extend(count * width);
  const { bytes } = out;
  if (width === 1) {
    for (let i = 0; i < count; i++) bytes[at + i] = numbers[i];
    return;
  }
  const [second, third, fourth] = [at + count, at + 2 * count, at + 3 * count];
  for (let i = 0; i < count; i++) {
    const low = numbers[i] >>> 0;
    bytes[at + i] = low;
    bytes[second + i] = low >>> 8;
    if (width > 2) bytes[third + i] = low >>> 16;
    if (width > 3) bytes[fourth + i] = low >>> 24;
  }
  for (let plane = 4; plane < width; plane++) {
    const from = at + plane * count;
    const shift = 8 * (plane - 4);
    for (let i = 0; i < count; i++) bytes[from + i] = Math.floor(numbers[i] / TWO_32) >>> shift;
  }
}

/** Inverse of {@link writePlanes}, into numbers [at, at + count). */
export function readPlanes(input: ByteReader, into: Float64Array, at: number, count: number, width: number): void {
  expectIntact(width >= 1 && width <= WIDTH_MAX, `numbers of ${width} bytes`);
  const from = input.take(count * width);
  const { bytes } = input;
  if (width === 1) {
    for (let i = 0; i < count; i++) into[at + i] = bytes[from + i];
    return;
  }
  if (width === 2) {
    const second = from + count;
    for (let i = 0; i < count; i++) into[at + i] = bytes[from + i] | (bytes[second + i] << 8);
    return;
  }
  for (let i = 0; i < count; i++) {
    let low = bytes[from + i] | (bytes[from + count + i] << 8) | (bytes[from + 2 * count + i] << 16);
    if (width > 3) low |= bytes[from + 3 * count + i] << 24;
    into[at + i] = low >>> 0;
  }
  for (let plane = 4; plane < width; plane++) {
    const start = from + plane * count;
    const factor = 256 ** plane;
    for (let i = 0; i < count; i++) into[at + i] += bytes[start + i] * factor;
  }
}
