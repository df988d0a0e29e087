/**
 * Ascending times of a chunk, whole microseconds. The first stands in the block's index.
 *
 *     u8 mode   0 regular:  varint step
 *               1 deltas:   u8 unit, varint least, u8 width, planes of (delta / unit - least)
 *               2 changes:  u8 unit, varint first delta, u8 width, planes of zigzag(change of delta / unit)
 */
import { readPlanes, widthOf, writePlanes } from "./byte-planes.ts";
import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { expectIntact } from "./damaged.ts";
import { UNITS_US, unitOf } from "./time-unit.ts";

const [REGULAR, DELTAS, CHANGES] = [0, 1, 2];

let scratch = new Float64Array(8192);

export function writeTimes(out: ByteWriter, timesUs: Float64Array, from: number, to: number): void {
  const deltas = to - from - 1;
  const step = deltas > 0 ? timesUs[from + 1] - timesUs[from] : 0;
  let least = step;
  let most = step;
  let unit = unitOf(step);
  let before = step;
  let mostChange = 0;
  for (let i = from + 1; i < to; i++) {
    const delta = timesUs[i] - timesUs[i - 1];
    if (delta < least) least = delta;
    if (delta > most) most = delta;
    const change = delta - before;
    before = delta;
    if (change > mostChange) mostChange = change;
    else if (-change > mostChange) mostChange = -change;
    if (unit > 0) unit = unitOf(delta, unit);
  }
  if (least === most) {
    out.u8(REGULAR);
    out.varint(step);
    return;
  }
  if (scratch.length < deltas) scratch = new Float64Array(deltas);
  const unitUs = UNITS_US[unit];
  const deltaWidth = widthOf((most - least) / unitUs);
  const changeWidth = widthOf((2 * mostChange) / unitUs);
  if (changeWidth < deltaWidth) {
    out.u8(CHANGES);
    out.u8(unit);
    out.varint(step / unitUs);
    out.u8(changeWidth);
    before = step;
    for (let i = 0; i < deltas; i++) {
      const delta = timesUs[from + i + 1] - timesUs[from + i];
      const change = (delta - before) / unitUs;
      before = delta;
      scratch[i] = change >= 0 ? 2 * change : -2 * change - 1;
    }
    writePlanes(out, scratch, deltas, changeWidth);
    return;
  }
  out.u8(DELTAS);
  out.u8(unit);
  out.varint(least / unitUs);
  out.u8(deltaWidth);
  for (let i = 0; i < deltas; i++) scratch[i] = (timesUs[from + i + 1] - timesUs[from + i] - least) / unitUs;
  writePlanes(out, scratch, deltas, deltaWidth);
}

/** Writes `count` times into `into` at `at`, beginning with `firstUs`. */
export function readTimes(input: ByteReader, firstUs: number, into: Float64Array, at: number, count: number): void {
  const mode = input.u8();
  into[at] = firstUs;
  if (mode === REGULAR) {
    const step = input.varint();
    for (let i = 1; i < count; i++) into[at + i] = firstUs + i * step;
    return;
  }
  const unitUs = UNITS_US[input.u8()];
  expectIntact((mode === DELTAS || mode === CHANGES) && unitUs !== undefined, `times of mode ${mode}`);
  const base = input.varint();
  readPlanes(input, into, at + 1, count - 1, input.u8());
  let timeUs = firstUs;
  if (mode === DELTAS) {
    for (let i = 1; i < count; i++) into[at + i] = timeUs += (into[at + i] + base) * unitUs;
    return;
  }
  let delta = base;
  for (let i = 1; i < count; i++) {
    const zigzag = into[at + i];
    delta += zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
    into[at + i] = timeUs += delta * unitUs;
  }
}
