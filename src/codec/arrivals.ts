/**
 * Arrivals of a chunk's rows, whole seconds, in any order.
 *
 *     zigzag first, then u8 mode   0 steps:   varint runs, then for each: zigzag step, varint rows
 *                                  1 planes:  u8 width, planes of zigzag(delta)
 */
import { readPlanes, widthOf, writePlanes } from "./byte-planes.ts";
import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { DamagedChunkError, expectIntact } from "./damaged.ts";

const [STEPS, PLANES] = [0, 1];
/** A run costs about this many bytes, a plane one or two a row. */
const RUN_BYTES = 3;

let scratch = new Float64Array(8192);

export function writeArrivals(out: ByteWriter, arrivalsS: Float64Array, from: number, to: number): void {
  const deltas = to - from - 1;
  if (scratch.length < deltas) scratch = new Float64Array(deltas);
  let runs = 0;
  let most = 0;
  for (let i = 0; i < deltas; i++) {
    const delta = arrivalsS[from + i + 1] - arrivalsS[from + i];
    const zigzag = delta < 0 ? -2 * delta - 1 : 2 * delta;
    if (i === 0 || zigzag !== scratch[i - 1]) runs++;
    if (zigzag > most) most = zigzag;
    scratch[i] = zigzag;
  }
  out.zigzag(arrivalsS[from]);
  if (runs * RUN_BYTES <= Math.max(deltas, RUN_BYTES)) {
    out.u8(STEPS);
    out.varint(runs);
    for (let i = 0; i < deltas;) {
      let end = i + 1;
      while (end < deltas && scratch[end] === scratch[i]) end++;
      out.varint(scratch[i]);
      out.varint(end - i);
      i = end;
    }
    return;
  }
  const width = widthOf(most);
  out.u8(PLANES);
  out.u8(width);
  writePlanes(out, scratch, deltas, width);
}

/** Writes `count` arrivals into `into` at `at`. */
export function readArrivals(input: ByteReader, into: Float64Array, at: number, count: number): void {
  let arrivalS = input.zigzag();
  into[at] = arrivalS;
  const mode = input.u8();
  const end = at + count;
  if (mode === STEPS) {
    let i = at + 1;
    for (let runs = input.varint(); runs > 0; runs--) {
      const step = input.zigzag();
      const rows = input.varint();
      if (rows > end - i) throw new DamagedChunkError(`${rows} arrivals, ${end - i} are left`);
      for (const runEnd = i + rows; i < runEnd; i++) into[i] = arrivalS += step;
    }
    expectIntact(i === end, `${end - i} arrivals are missing`);
    return;
  }
  expectIntact(mode === PLANES, `arrivals of mode ${mode}`);
  readPlanes(input, into, at + 1, count - 1, input.u8());
  for (let i = at + 1; i < end; i++) {
    const zigzag = into[i];
    into[i] = arrivalS += zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
  }
}
