/**
 * LiveFrame, written and read by hand: with few points a message the generated code took most of what a point costs between nodes.
 * Pure. A test holds it equal to the generated code.
 */
import type { Frame } from "../../model/frame.ts";
import type { ShardRows } from "./shard-rows.ts";

export type Rows = Pick<Frame, "count" | "seriesIds" | "timesUs" | "values">;

export interface FrameFacts {
  readonly nodeId: string;
  readonly startedAtMs: number;
  readonly shardSeq: number;
  readonly arrivalMs: number;
}

/** Tags of the fields of nodes.proto: the number, then how it is written. */
const [NODE_ID, STARTED_AT, SHARD_SEQ, ARRIVAL, SERIES_IDS, TIMES, VALUES] = [0x0a, 0x10, 0x18, 0x20, 0x2a, 0x32, 0x3a];
const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5];
const [ID_BYTES, CELL_BYTES] = [4, 8];
/** Of fewer rows a column is read cell by cell, which is less than to copy its bytes. */
const COPIED_ROWS_MIN = 8;
/** Tags and lengths behind the head. */
const SMALL_BYTES_MAX = 3 * 6 + 2 * 11;
const TOO_LONG = 2 ** 53;
const decoder = new TextDecoder();

/** What all frames of a process begin with. */
export function liveFrameHead({ nodeId, startedAtMs }: Pick<FrameFacts, "nodeId" | "startedAtMs">): Uint8Array {
  const id = new TextEncoder().encode(nodeId);
  const head = new Uint8Array(id.length + 32);
  let at = 0;
  if (id.length > 0) {
    head[at++] = NODE_ID;
    at = putVarint(head, at, id.length);
    head.set(id, at);
    at += id.length;
  }
  return head.slice(0, putNumber(head, at, STARTED_AT, startedAtMs));
}

export function encodeLiveFrame(
  head: Uint8Array,
  { shardSeq, arrivalMs }: Pick<FrameFacts, "shardSeq" | "arrivalMs">,
  rows: ShardRows,
): Uint8Array {
  const buffer = new ArrayBuffer(head.length + SMALL_BYTES_MAX + rows.count * (ID_BYTES + 2 * CELL_BYTES));
  const bytes = new Uint8Array(buffer);
  bytes.set(head);
  let at = putNumber(bytes, head.length, SHARD_SEQ, shardSeq);
  at = putNumber(bytes, at, ARRIVAL, Math.floor(arrivalMs));
  if (rows.count === 0) return new Uint8Array(buffer, 0, at);
  const [seriesIds, timesUs, values] = rows.columns;
  at = putBytes(bytes, at, SERIES_IDS, seriesIds);
  at = putBytes(bytes, at, TIMES, timesUs);
  return new Uint8Array(buffer, 0, putBytes(bytes, at, VALUES, values));
}

/** Inverse of {@link encodeLiveFrame}; undefined for what is none, or has columns of different lengths. */
export function decodeLiveFrame(bytes: Uint8Array): (FrameFacts & Rows) | undefined {
  const reader = new Reader(bytes);
  let [nodeId, ids, times, values] = [NOTHING, NOTHING, NOTHING, NOTHING];
  let [startedAtMs, shardSeq, arrivalMs] = [0, 0, 0];
  while (reader.at < bytes.length) {
    const tag = reader.varint();
    if (tag === NODE_ID) nodeId = reader.span();
    else if (tag === STARTED_AT) startedAtMs = reader.varint();
    else if (tag === SHARD_SEQ) shardSeq = reader.varint();
    else if (tag === ARRIVAL) arrivalMs = reader.varint();
    else if (tag === SERIES_IDS) ids = reader.span();
    else if (tag === TIMES) times = reader.span();
    else if (tag === VALUES) values = reader.span();
    else reader.skip(tag & 7);
    if (reader.isBroken) return undefined;
  }
  const count = ids.bytes / ID_BYTES;
  if (!Number.isInteger(count) || times.bytes !== count * CELL_BYTES || values.bytes !== count * CELL_BYTES)
    return undefined;
  return {
    nodeId: decoder.decode(new Uint8Array(bytes.buffer, bytes.byteOffset + nodeId.at, nodeId.bytes)),
    ...{ startedAtMs, shardSeq, arrivalMs, count },
    ...{
      seriesIds: reader.ids(ids.at, count),
      timesUs: reader.cells(times.at, count),
      values: reader.cells(values.at, count),
    },
  };
}

interface Span {
  readonly at: number;
  readonly bytes: number;
}

const NOTHING: Span = { at: 0, bytes: 0 };

class Reader {
  at = 0;
  isBroken = false;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Below 2^53. */
  varint(): number {
    for (let [value, factor] = [0, 1]; this.at < this.#bytes.length && factor < TOO_LONG; factor *= 128) {
      const byte = this.#bytes[this.at++];
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    this.isBroken = true;
    return 0;
  }

  /** Of what its length stands before. */
  span(): Span {
    const bytes = this.varint();
    const { at } = this;
    this.#pass(bytes);
    return { at, bytes };
  }

  /** What a later version has more. */
  skip(wireType: number): void {
    if (wireType === VARINT) this.varint();
    else if (wireType === BYTES) this.span();
    else if (wireType === FIXED64) this.#pass(8);
    else if (wireType === FIXED32) this.#pass(4);
    else this.isBroken = true;
  }

  /** Copies, for what came lies at any address. */
  ids(at: number, count: number): Uint32Array<ArrayBuffer> {
    if (count >= COPIED_ROWS_MIN) return new Uint32Array(this.#copied(at, count * ID_BYTES));
    const ids = new Uint32Array(count);
    for (let i = 0; i < count; i++) ids[i] = this.#view.getUint32(at + i * ID_BYTES, true);
    return ids;
  }

  cells(at: number, count: number): Float64Array<ArrayBuffer> {
    if (count >= COPIED_ROWS_MIN) return new Float64Array(this.#copied(at, count * CELL_BYTES));
    const cells = new Float64Array(count);
    for (let i = 0; i < count; i++) cells[i] = this.#view.getFloat64(at + i * CELL_BYTES, true);
    return cells;
  }

  #copied(at: number, bytes: number): ArrayBuffer {
    const from = this.#bytes.byteOffset + at;
    return this.#bytes.buffer.slice(from, from + bytes) as ArrayBuffer;
  }

  #pass(bytes: number): void {
    this.at += bytes;
    if (this.at > this.#bytes.length) this.isBroken = true;
  }
}

function putVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes[at++] = (rest % 128) | 0x80;
  bytes[at++] = rest;
  return at;
}

/** As proto3 does it: 0 is left out. */
function putNumber(bytes: Uint8Array, at: number, tag: number, value: number): number {
  if (value === 0) return at;
  bytes[at] = tag;
  return putVarint(bytes, at + 1, value);
}

function putBytes(bytes: Uint8Array, at: number, tag: number, content: Uint8Array): number {
  bytes[at] = tag;
  const from = putVarint(bytes, at + 1, content.length);
  bytes.set(content, from);
  return from + content.length;
}
