/** Points as a prometheus.WriteRequest of remote write 1.0, written by hand: no object a point. Pure. */
import type { LabelPair } from "./prometheus-labels.ts";

/** Columns of equal length. */
export interface OutgoingRows {
  readonly seriesIds: Uint32Array;
  readonly timesUs: Float64Array;
  readonly values: Float64Array;
}

export interface WriteRequestBytes {
  readonly bytes: Uint8Array;
  readonly samples: number;
  /** Points that another one of their series and millisecond came after. */
  readonly collided: number;
  /** Of deleted series. */
  readonly leftOut: number;
}

/** Field 1 of TimeSeries, Label, of each pair. */
export function encodedLabels(pairs: readonly LabelPair[]): Uint8Array {
  const bytes: number[] = [];
  const encoder = new TextEncoder();
  const putField = (field: number, text: Uint8Array) => bytes.push(field, ...varint(text.length), ...text);
  for (const pair of pairs) {
    const [name, value] = pair.map((text) => encoder.encode(text));
    const length = sizeOfField(name.length) + sizeOfField(value.length);
    bytes.push(0x0a, ...varint(length));
    putField(0x0a, name);
    putField(0x12, value);
  }
  return Uint8Array.from(bytes);
}

/** Of the rows at `order`: series as they come first, samples of each ascending by time, one a millisecond, the last that came. */
export function encodeWriteRequest(
  { seriesIds, timesUs, values }: OutgoingRows,
  order: Uint32Array,
  labelsOf: (seriesId: number) => Uint8Array | undefined,
): WriteRequestBytes {
  const bySeries = new Map<number, number[]>();
  let [lastId, lastRows]: [number, number[]] = [-1, []];
  for (let i = 0; i < order.length; i++) {
    const row = order[i];
    const id = seriesIds[row];
    if (id !== lastId) {
      lastId = id;
      lastRows = bySeries.get(id) ?? [];
      if (lastRows.length === 0) bySeries.set(id, lastRows);
    }
    lastRows.push(row);
  }
  const writer = new Writer(order.length * 24 + bySeries.size * 128);
  let [samples, collided, leftOut] = [0, 0, 0];
  for (const [seriesId, rows] of bySeries) {
    const labels = labelsOf(seriesId);
    if (labels === undefined) {
      leftOut += rows.length;
      continue;
    }
    if (!isAscending(rows, timesUs)) rows.sort((a, b) => timesUs[a] - timesUs[b]);
    let kept = 0;
    for (let i = 0; i < rows.length; i++) {
      const next = rows[i + 1];
      if (next !== undefined && msOf(timesUs[next]) === msOf(timesUs[rows[i]])) {
        if (timesUs[next] !== timesUs[rows[i]]) collided++;
        continue;
      }
      rows[kept++] = rows[i];
    }
    let length = labels.length;
    for (let i = 0; i < kept; i++) length += 12 + varintSize(msOf(timesUs[rows[i]]));
    writer.reserve(length + 16);
    writer.byte(0x0a);
    writer.varint(length);
    writer.put(labels);
    for (let i = 0; i < kept; i++) {
      const timeMs = msOf(timesUs[rows[i]]);
      writer.byte(0x12);
      writer.byte(10 + varintSize(timeMs));
      writer.byte(0x09);
      writer.double(values[rows[i]]);
      writer.byte(0x10);
      writer.varint(timeMs);
    }
    samples += kept;
  }
  return { bytes: writer.finish(), samples, collided, leftOut };
}

export function msOf(timeUs: number): number {
  return Math.floor(timeUs / 1_000);
}

function isAscending(rows: readonly number[], timesUs: Float64Array): boolean {
  for (let i = 1; i < rows.length; i++) if (timesUs[rows[i]] < timesUs[rows[i - 1]]) return false;
  return true;
}

function sizeOfField(length: number): number {
  return 1 + varintSize(length) + length;
}

/** Of which times of 1971 to 2109 in milliseconds are the most. */
const [SIX_BYTES_FROM, SIX_BYTES_TO] = [2 ** 35, 2 ** 42];

function varintSize(value: number): number {
  if (value >= SIX_BYTES_FROM && value < SIX_BYTES_TO) return 6;
  let size = 1;
  for (; value >= 0x80; value = Math.floor(value / 128)) size++;
  return size;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  return [...bytes, value];
}

class Writer {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #at = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  reserve(more: number): void {
    if (this.#at + more <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#at + more, 2 * this.#bytes.length));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }

  byte(value: number): void {
    this.#bytes[this.#at++] = value;
  }

  varint(value: number): void {
    if (value >= SIX_BYTES_FROM && value < SIX_BYTES_TO) {
      const high = Math.floor(value / 2 ** 28);
      let low = value - high * 2 ** 28;
      for (let i = 0; i < 4; i++, low >>>= 7) this.#bytes[this.#at++] = (low & 0x7f) | 0x80;
      this.#bytes[this.#at++] = (high & 0x7f) | 0x80;
      this.#bytes[this.#at++] = high >>> 7;
      return;
    }
    while (value >= 0x80) {
      const high = Math.floor(value / 128);
      this.#bytes[this.#at++] = (value - high * 128) | 0x80;
      value = high;
    }
    this.#bytes[this.#at++] = value;
  }

  double(value: number): void {
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  put(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }
}
