/**
 * Rows of many series in the order in which they arrived, packed: for what is written every second and read seldom, as a whole. Nothing
 * is sorted; each row is told by how it differs from the one before of its series. The format is described in FORMAT.md.
 */
import { readPlanes, WIDTH_MAX, widthOf, writePlanes } from "./byte-planes.ts";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { expectIntact } from "./damaged.ts";
import { UNITS_US, unitOf } from "./time-unit.ts";

/** Row i is seriesIds[i], timesUs[i], values[i], arrivalsS[i]; columns may be longer than `count`. */
export interface ArrivedRows {
  readonly count: number;
  readonly seriesIds: Uint32Array;
  /** Whole microseconds, 0 ≤ t < 2^53. */
  readonly timesUs: Float64Array;
  /** Finite. */
  readonly values: Float64Array;
  /** Whole Unix seconds. */
  readonly arrivalsS: Float64Array;
}

const VERSION = 1;
const HEADER_BYTES = 9;
/** What a block may unpack to; one of a million rows takes less. */
const RAW_BYTES_MAX = 64 * 1024 * 1024;
const EXPONENT_MAX = 9;
const POWERS = Array.from({ length: EXPONENT_MAX + 1 }, (_, exponent) => Number(`1e${exponent}`));
/** Zigzag of a difference of such numbers stays below 2^53. */
const SCALED_MAX = 2 ** 50;
const BITS_PLANES = 8;
/** Of numbers by id: a table of zeros costs about as much as a few rows. */
const [TABLE_MIN, TABLE_PER_ROW] = [65_536, 16];

/** Of rows that are packed at once: fresh memory costs more than what is done with it. */
const out = new ByteWriter(64 * 1024);
let scratch = { rows: 0, slots: new Uint32Array(0), numbers: new Float64Array(0) };

/** At least one row. */
export function encodeRows({ count, seriesIds, timesUs, values, arrivalsS }: ArrivedRows): Uint8Array<ArrayBuffer> {
  out.clear();
  out.varint(count);
  writeArrivalRuns(out, arrivalsS, count);
  const series = new SeriesSlots(endOf(seriesIds, count), count);
  if (scratch.rows < count) scratch = { rows: count, slots: new Uint32Array(count), numbers: new Float64Array(count) };
  const { slots, numbers } = scratch;
  let before = 0;
  for (let i = 0; i < count; i++) {
    slots[i] = series.of(seriesIds[i]);
    numbers[i] = zigzag(seriesIds[i] - before);
    before = seriesIds[i];
  }
  writeNumbers(out, numbers, count);

  const unit = unitOfAll(timesUs, count);
  out.u8(unit);
  const states = new Float64Array(series.count).fill(NaN);
  before = 0;
  for (let i = 0; i < count; i++) {
    const time = timesUs[i] / UNITS_US[unit];
    const last = states[slots[i]];
    numbers[i] = zigzag(time - (last === last ? last : before));
    states[slots[i]] = before = time;
  }
  writeNumbers(out, numbers, count);

  const exponent = exponentFor(values, count);
  const power = POWERS[exponent];
  out.u8(exponent);
  states.fill(0);
  const bare: number[] = [];
  for (let i = 0; i < count; i++) {
    const scaled = Math.round(values[i] * power);
    if (!isExact(values[i], scaled, power)) {
      bare.push(i);
      numbers[i] = 0;
      continue;
    }
    numbers[i] = zigzag(scaled - states[slots[i]]);
    states[slots[i]] = scaled;
  }
  writeNumbers(out, numbers, count);
  writeBare(out, bare, values, slots, series.count);

  const packed = Bun.zstdCompressSync(out.written, { level: 1 });
  const block = new Uint8Array(HEADER_BYTES + packed.length);
  const header = new DataView(block.buffer);
  block.set(packed, HEADER_BYTES);
  header.setUint8(0, VERSION);
  header.setUint32(5, out.length, true);
  header.setUint32(1, Bun.hash.crc32(block.subarray(5)), true);
  return block;
}

/** Inverse of {@link encodeRows}. Throws {@link DamagedChunkError} where it is none. */
export function decodeRows(block: Uint8Array): ArrivedRows {
  const header = new DataView(block.buffer, block.byteOffset, block.byteLength);
  expectIntact(block.length > HEADER_BYTES, `${block.length} bytes are no rows`);
  expectIntact(header.getUint8(0) === VERSION, `rows of version ${header.getUint8(0)}; wanted ${VERSION}`);
  expectIntact(Bun.hash.crc32(block.subarray(5)) === header.getUint32(1, true), "rows: the checksum does not match");
  const rawBytes = header.getUint32(5, true);
  expectIntact(rawBytes <= RAW_BYTES_MAX, `rows of ${rawBytes} bytes`);
  const raw = Bun.zstdDecompressSync(block.subarray(HEADER_BYTES));
  expectIntact(raw.length === rawBytes, `rows of ${raw.length} bytes; wanted ${rawBytes}`);
  const input = new ByteReader(raw);
  const count = input.varint();
  // Three planes at the least.
  expectIntact(count > 0 && count * 3 <= rawBytes, `${count} rows in ${rawBytes} bytes`);
  const arrivalsS = readArrivalRuns(input, count);
  const seriesIds = new Uint32Array(count);
  const numbers = new Float64Array(count);
  readNumbers(input, numbers, count);
  let before = 0;
  for (let i = 0; i < count; i++) {
    before += signed(numbers[i]);
    seriesIds[i] = before;
  }
  const series = new SeriesSlots(endOf(seriesIds, count), count);
  const slots = seriesIds.map((id) => series.of(id));

  const unitUs = UNITS_US[input.u8()];
  expectIntact(unitUs !== undefined, "rows: an unknown unit of time");
  const timesUs = new Float64Array(count);
  const states = new Float64Array(series.count).fill(NaN);
  readNumbers(input, numbers, count);
  before = 0;
  for (let i = 0; i < count; i++) {
    const last = states[slots[i]];
    before = (last === last ? last : before) + signed(numbers[i]);
    states[slots[i]] = before;
    timesUs[i] = before * unitUs;
  }

  const power = POWERS[input.u8()];
  expectIntact(power !== undefined, "rows: an unknown exponent");
  const values = new Float64Array(count);
  states.fill(0);
  readNumbers(input, numbers, count);
  for (let i = 0; i < count; i++) {
    const scaled = states[slots[i]] + signed(numbers[i]);
    states[slots[i]] = scaled;
    values[i] = scaled / power;
  }
  readBare(input, values, slots, series.count);
  return { count, seriesIds, timesUs, values, arrivalsS };
}

/** Numbers series as they come. */
class SeriesSlots {
  /** By id, less one; 0: it has not come yet. Where ids lie too far apart they are in a map. */
  readonly #table: Uint32Array | null;
  readonly #map = new Map<number, number>();
  count = 0;

  constructor(idEnd: number, rows: number) {
    this.#table = idEnd <= TABLE_MIN + TABLE_PER_ROW * rows ? new Uint32Array(idEnd) : null;
  }

  of(seriesId: number): number {
    const known = this.#table === null ? this.#map.get(seriesId) : this.#table[seriesId];
    if (known !== undefined && known !== 0) return known - 1;
    if (this.#table === null) this.#map.set(seriesId, ++this.count);
    else this.#table[seriesId] = ++this.count;
    return this.count - 1;
  }
}

function endOf(seriesIds: Uint32Array, count: number): number {
  let most = 0;
  for (let i = 0; i < count; i++) if (seriesIds[i] > most) most = seriesIds[i];
  return most + 1;
}

function zigzag(number: number): number {
  return number < 0 ? -2 * number - 1 : 2 * number;
}

function signed(number: number): number {
  return number % 2 === 0 ? number / 2 : -(number + 1) / 2;
}

function writeNumbers(out: ByteWriter, numbers: Float64Array, count: number): void {
  let most = 0;
  for (let i = 0; i < count; i++) if (numbers[i] > most) most = numbers[i];
  const width = widthOf(most);
  out.u8(width);
  writePlanes(out, numbers, count, width);
}

function readNumbers(input: ByteReader, into: Float64Array, count: number): void {
  const width = input.u8();
  expectIntact(width >= 1 && width <= WIDTH_MAX, `numbers of ${width} bytes`);
  readPlanes(input, into, 0, count, width);
}

function writeArrivalRuns(out: ByteWriter, arrivalsS: Float64Array, count: number): void {
  const starts = [0];
  for (let i = 1; i < count; i++) if (arrivalsS[i] !== arrivalsS[i - 1]) starts.push(i);
  out.varint(starts.length);
  starts.forEach((start, run) => {
    out.zigzag(arrivalsS[start] - (run === 0 ? 0 : arrivalsS[starts[run - 1]]));
    out.varint((starts[run + 1] ?? count) - start);
  });
}

function readArrivalRuns(input: ByteReader, count: number): Float64Array {
  const arrivalsS = new Float64Array(count);
  let [at, arrivalS] = [0, 0];
  for (let runs = input.varint(); runs > 0; runs--) {
    arrivalS += input.zigzag();
    const rows = input.varint();
    expectIntact(rows <= count - at, "rows: arrivals of more rows than there are");
    arrivalsS.fill(arrivalS, at, at + rows);
    at += rows;
  }
  expectIntact(at === count, "rows: arrivals of fewer rows than there are");
  return arrivalsS;
}

/** The largest in which all times are whole. */
function unitOfAll(timesUs: Float64Array, count: number): number {
  let unit = UNITS_US.length - 1;
  for (let i = 0; i < count && unit > 0; i++) unit = unitOf(timesUs[i], unit);
  return unit;
}

/** The least at which all values are whole that are at any; each of those before is whole at a larger one, too, unless it is large. */
function exponentFor(values: Float64Array, count: number): number {
  let exponent = 0;
  for (let i = 0; i < count; i++) {
    const value = values[i];
    if (isExact(value, Math.round(value * POWERS[exponent]), POWERS[exponent])) continue;
    for (let more = exponent + 1; more <= EXPONENT_MAX; more++) {
      if (!isExact(value, Math.round(value * POWERS[more]), POWERS[more])) continue;
      exponent = more;
      break;
    }
  }
  return exponent;
}

function isExact(value: number, scaled: number, power: number): boolean {
  return scaled / power === value && scaled < SCALED_MAX && scaled > -SCALED_MAX && (scaled !== 0 || 1 / value > 0);
}

/** Values that are no decimals: which rows, and planes of their bits XOR those of the one before of the series. */
function writeBare(
  out: ByteWriter,
  bare: readonly number[],
  values: Float64Array,
  slots: Uint32Array,
  series: number,
): void {
  out.varint(bare.length);
  if (bare.length === 0) return;
  let last = -1;
  for (const row of bare) {
    out.varint(row - last - 1);
    last = row;
  }
  const words = new Uint32Array(Float64Array.from(bare, (row) => values[row]).buffer);
  const before = new Uint32Array(2 * series);
  const at = out.extend(BITS_PLANES * bare.length);
  const { bytes } = out;
  for (const [i, row] of bare.entries()) {
    for (let half = 0; half < 2; half++) {
      const word = words[2 * i + half];
      const changed = word ^ before[2 * slots[row] + half];
      before[2 * slots[row] + half] = word;
      for (let byte = 0; byte < 4; byte++)
        bytes[at + (4 * half + byte) * bare.length + i] = (changed >>> (8 * byte)) & 0xff;
    }
  }
}

function readBare(input: ByteReader, values: Float64Array, slots: Uint32Array, series: number): void {
  const count = input.varint();
  if (count === 0) return;
  expectIntact(count <= values.length, `${count} bare values of ${values.length}`);
  const rows = new Uint32Array(count);
  let last = -1;
  for (let i = 0; i < count; i++) rows[i] = last += input.varint() + 1;
  expectIntact(last < values.length, "rows: a bare value of no row");
  const at = input.take(BITS_PLANES * count);
  const { bytes } = input;
  const before = new Uint32Array(2 * series);
  const words = new Uint32Array(2);
  const value = new Float64Array(words.buffer);
  for (let i = 0; i < count; i++) {
    const slot = slots[rows[i]];
    for (let half = 0; half < 2; half++) {
      let changed = 0;
      for (let byte = 0; byte < 4; byte++) changed |= bytes[at + (4 * half + byte) * count + i] << (8 * byte);
      words[half] = before[2 * slot + half] = before[2 * slot + half] ^ changed;
    }
    values[rows[i]] = value[0];
  }
}
