/**
 * Values of a chunk, finite doubles, bit for bit. The first stands in the payload.
 *
 *     u8 mode   0 constant:  f64
 *               1 deltas:    u8 exponent, zigzag first, u8 width, planes of zigzag(delta)
 *               2 changes:   u8 exponent, zigzag first, u8 width, planes of zigzag(change of delta)
 *               3 bits:      f64 first, 8 planes of bits XOR the bits before
 *
 * Modes 1 and 2 hold value × 10^exponent, which must come back exactly when it is divided again.
 */
import { readPlanes, widthOf, writePlanes } from "./byte-planes.ts";
import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { expectIntact } from "./damaged.ts";

const [CONSTANT, DELTAS, CHANGES, BITS] = [0, 1, 2, 3];
const EXPONENT_MAX = 12;
const POWERS = Array.from({ length: EXPONENT_MAX + 1 }, (_, exponent) => Number(`1e${exponent}`));
/** Added and taken away again it rounds a double below 2^51 to a whole number. */
const ROUNDER = 1.5 * 2 ** 52;
/** Zigzag of a change of a delta of such numbers stays below 2^53. */
const SCALED_MAX = 2 ** 49;
const WHOLE_MAX = 2 ** 31;

let scaled = new Float64Array(8192);
let zigzags = new Float64Array(8192);
let wholes = new Int32Array(8192);
const eightBytes = new DataView(new ArrayBuffer(16));

/** The exponent at which all values are whole numbers that divide back exactly, or -1. `scaled` then holds them. */
function scale(values: Float64Array, from: number, to: number): number {
  if (scaled.length < to - from) scaled = new Float64Array(to - from);
  for (let exponent = 0; ;) {
    const power = POWERS[exponent];
    let i = from;
    for (; i < to; i++) {
      const value = values[i];
      const product = value * power;
      const whole = product + ROUNDER - ROUNDER;
      if (whole / power !== value || !(product < SCALED_MAX && product > -SCALED_MAX)) break;
      // A negative zero would come back as zero.
      if (value === 0 && 1 / value < 0) return -1;
      scaled[i - from] = whole;
    }
    if (i === to) return exponent;
    // What fails only for its size fails at every exponent; otherwise the value that failed says how far to go.
    exponent = exponentOf(values[i], exponent + 1);
    if (exponent < 0) return -1;
  }
}

function exponentOf(value: number, least: number): number {
  for (let exponent = least; exponent <= EXPONENT_MAX; exponent++) {
    const product = value * POWERS[exponent];
    if (!(product < SCALED_MAX && product > -SCALED_MAX)) return -1;
    if ((product + ROUNDER - ROUNDER) / POWERS[exponent] === value) return exponent;
  }
  return -1;
}

function isConstant(values: Float64Array, from: number, to: number): boolean {
  const first = values[from];
  for (let i = from + 1; i < to; i++) if (!Object.is(values[i], first)) return false;
  return true;
}

export function writeValues(out: ByteWriter, values: Float64Array, from: number, to: number): void {
  if (isConstant(values, from, to)) {
    out.u8(CONSTANT);
    out.f64(values[from]);
    return;
  }
  const exponent = scale(values, from, to);
  if (exponent < 0) return writeBits(out, values, from, to);
  const deltas = to - from - 1;
  let mostDelta = 0;
  let mostChange = 0;
  let sumDelta = 0;
  let sumChange = 0;
  let before = scaled[1] - scaled[0];
  for (let i = 1; i <= deltas; i++) {
    const delta = scaled[i] - scaled[i - 1];
    const size = delta < 0 ? -delta : delta;
    if (size > mostDelta) mostDelta = size;
    sumDelta += size;
    const change = delta - before;
    const changeSize = change < 0 ? -change : change;
    if (changeSize > mostChange) mostChange = changeSize;
    sumChange += changeSize;
    before = delta;
  }
  const byChange = sumChange * 2 < sumDelta;
  const width = widthOf(2 * (byChange ? mostChange : mostDelta));
  out.u8(byChange ? CHANGES : DELTAS);
  out.u8(exponent);
  out.zigzag(scaled[0]);
  if (byChange) out.zigzag(scaled[1] - scaled[0]);
  out.u8(width);
  if (zigzags.length < deltas) zigzags = new Float64Array(deltas);
  before = byChange ? scaled[1] - scaled[0] : 0;
  for (let i = 0; i < deltas; i++) {
    const delta = scaled[i + 1] - scaled[i];
    const number = delta - before;
    if (byChange) before = delta;
    zigzags[i] = number < 0 ? -2 * number - 1 : 2 * number;
  }
  writePlanes(out, zigzags, deltas, width);
}

/** Writes `count` values into `into` at `at`. None of them is larger than `largest` in size; Infinity: nobody knows. */
export function readValues(input: ByteReader, into: Float64Array, at: number, count: number, largest: number): void {
  if (wholes.length < count) wholes = new Int32Array(count);
  const start = input.at;
  const scale = readWholes(input, wholes, count, largest);
  if (scale > 0) {
    for (let i = 0; i < count; i++) into[at + i] = wholes[i] / scale;
    return;
  }
  input.at = start;
  const mode = input.u8();
  if (mode === CONSTANT) {
    into.fill(input.f64(), at, at + count);
    return;
  }
  if (mode === BITS) return readBits(input, into, at, count);
  const power = POWERS[input.u8()];
  expectIntact((mode === DELTAS || mode === CHANGES) && power !== undefined, `values of mode ${mode}`);
  let whole = input.zigzag();
  let delta = mode === CHANGES ? input.zigzag() : 0;
  readPlanes(input, into, at + 1, count - 1, input.u8());
  into[at] = whole / power;
  if (mode === DELTAS) {
    for (let i = at + 1; i < at + count; i++) {
      const zigzag = into[i];
      const half = Math.floor(zigzag / 2);
      whole += zigzag === 2 * half ? half : -half - 1;
      into[i] = whole / power;
    }
    return;
  }
  for (let i = at + 1; i < at + count; i++) {
    const zigzag = into[i];
    const half = Math.floor(zigzag / 2);
    delta += zigzag === 2 * half ? half : -half - 1;
    whole += delta;
    into[i] = whole / power;
  }
}

/**
 * The numbers that stand for `count` values, none of them larger than `largest` in size: whole numbers, each of which
 * divided by the returned power of ten is a value. Returns 0 where values do not stand so, or in more than 32 bits.
 */
function readWholes(input: ByteReader, into: Int32Array, count: number, largest: number): number {
  const mode = input.u8();
  if (mode !== DELTAS && mode !== CHANGES) return 0;
  const power = POWERS[input.u8()];
  expectIntact(power !== undefined, "values of an unknown scale");
  if (largest * power >= WHOLE_MAX) return 0;
  let whole = input.zigzag() | 0;
  let delta = mode === CHANGES ? input.zigzag() | 0 : 0;
  const width = input.u8();
  if (width < 1 || width > 4) return 0;
  readZigzags(input.bytes, input.take((count - 1) * width), count - 1, width, into);
  // Sums of 32 bits come out right where their end fits, though they leave that range on the way.
  into[0] = whole;
  if (mode === DELTAS) {
    for (let i = 1; i < count; i++) into[i] = whole = (whole + into[i]) | 0;
    return power;
  }
  for (let i = 1; i < count; i++) {
    delta = (delta + into[i]) | 0;
    into[i] = whole = (whole + delta) | 0;
  }
  return power;
}

/** Signed numbers from planes of `width` 1 to 4, into [1, count]. */
function readZigzags(bytes: Uint8Array, from: number, count: number, width: number, into: Int32Array): void {
  if (width === 1) {
    for (let i = 0; i < count; i++) {
      const zigzag = bytes[from + i];
      into[i + 1] = (zigzag >>> 1) ^ -(zigzag & 1);
    }
    return;
  }
  const [second, third, fourth] = [from + count, from + 2 * count, from + 3 * count];
  for (let i = 0; i < count; i++) {
    let zigzag = bytes[from + i] | (bytes[second + i] << 8);
    if (width > 2) zigzag |= bytes[third + i] << 16;
    if (width > 3) zigzag |= bytes[fourth + i] << 24;
    into[i + 1] = (zigzag >>> 1) ^ -(zigzag & 1);
  }
}

function writeBits(out: ByteWriter, values: Float64Array, from: number, to: number): void {
  const count = to - from - 1;
  out.u8(BITS);
  out.f64(values[from]);
  const at = out.extend(8 * count);
  const { bytes } = out;
  for (let i = 0; i < count; i++) {
    eightBytes.setFloat64(0, values[from + i], true);
    eightBytes.setFloat64(8, values[from + i + 1], true);
    for (let plane = 0; plane < 8; plane++) {
      bytes[at + plane * count + i] = eightBytes.getUint8(plane) ^ eightBytes.getUint8(8 + plane);
    }
  }
}

function readBits(input: ByteReader, into: Float64Array, at: number, total: number): void {
  into[at] = input.f64();
  const count = total - 1;
  const from = input.take(8 * count);
  const { bytes } = input;
  eightBytes.setFloat64(0, into[at], true);
  for (let i = 0; i < count; i++) {
    for (let plane = 0; plane < 8; plane++) {
      eightBytes.setUint8(plane, eightBytes.getUint8(plane) ^ bytes[from + plane * count + i]);
    }
    into[at + 1 + i] = eightBytes.getFloat64(0, true);
  }
}
