/** Points that wait to be sent to other nodes, by shard. Pure. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { POINT_BYTES, type Frame } from "../../model/frame.ts";
import { LiveFrameSchema, type LiveFrame } from "../../wire/gen/nodes_pb.ts";

export type Rows = Pick<Frame, "count" | "seriesIds" | "timesUs" | "values">;

const ROWS_MIN = 256;

/** Columns that grow. */
export class ShardRows {
  #ids = new Uint32Array(ROWS_MIN);
  #timesUs = new Float64Array(ROWS_MIN);
  #values = new Float64Array(ROWS_MIN);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#count * POINT_BYTES;
  }

  add(seriesId: number, timeUs: number, value: number): void {
    if (this.#count === this.#ids.length) this.#grow();
    const row = this.#count++;
    this.#ids[row] = seriesId;
    this.#timesUs[row] = timeUs;
    this.#values[row] = value;
  }

  /** What is in it, as long as nothing is added. */
  get columns(): readonly [ids: Uint8Array, timesUs: Uint8Array, values: Uint8Array] {
    return [bytesOf(this.#ids, this.#count), bytesOf(this.#timesUs, this.#count), bytesOf(this.#values, this.#count)];
  }

  /** The same, as it was read. */
  get rows(): Rows {
    return {
      count: this.#count,
      seriesIds: this.#ids.subarray(0, this.#count),
      timesUs: this.#timesUs,
      values: this.#values,
    };
  }

  clear(): void {
    this.#count = 0;
    // What a burst took is not kept for ever.
    if (this.#ids.length > ROWS_MAX_KEPT) [this.#ids, this.#timesUs, this.#values] = columnsOf(ROWS_MIN);
  }

  #grow(): void {
    const [ids, timesUs, values] = columnsOf(this.#ids.length * 2);
    ids.set(this.#ids);
    timesUs.set(this.#timesUs);
    values.set(this.#values);
    [this.#ids, this.#timesUs, this.#values] = [ids, timesUs, values];
  }
}

type Columns = [Uint32Array<ArrayBuffer>, Float64Array<ArrayBuffer>, Float64Array<ArrayBuffer>];

const ROWS_MAX_KEPT = 64 * 1024;

function columnsOf(rows: number): Columns {
  return [new Uint32Array(rows), new Float64Array(rows), new Float64Array(rows)];
}

function bytesOf(column: Columns[number], count: number): Uint8Array {
  return new Uint8Array(column.buffer, 0, count * column.BYTES_PER_ELEMENT);
}

export interface FrameFacts {
  readonly nodeId: string;
  readonly startedAtMs: number;
  readonly shardSeq: number;
  readonly arrivalMs: number;
}

export function encodeLiveFrame({ nodeId, startedAtMs, shardSeq, arrivalMs }: FrameFacts, rows: ShardRows): Uint8Array {
  const [seriesIds, timesUs, values] = rows.columns;
  const frame = {
    nodeId,
    startedAtMs: BigInt(startedAtMs),
    shardSeq: BigInt(shardSeq),
    arrivalMs: BigInt(Math.floor(arrivalMs)),
    ...{ seriesIds, timesUs, values },
  };
  return toBinary(LiveFrameSchema, create(LiveFrameSchema, frame as never));
}

/** Inverse of {@link encodeLiveFrame}; undefined for what is none, or has columns of different lengths. */
export function decodeLiveFrame(bytes: Uint8Array): (FrameFacts & Rows) | undefined {
  let frame: LiveFrame;
  try {
    frame = fromBinary(LiveFrameSchema, bytes);
  } catch {
    return undefined;
  }
  const count = frame.seriesIds.length / 4;
  if (!Number.isInteger(count) || frame.timesUs.length !== count * 8 || frame.values.length !== count * 8)
    return undefined;
  return {
    nodeId: frame.nodeId,
    startedAtMs: Number(frame.startedAtMs),
    shardSeq: Number(frame.shardSeq),
    arrivalMs: Number(frame.arrivalMs),
    count,
    // Copies, for what came lies at any address.
    seriesIds: new Uint32Array(new Uint8Array(frame.seriesIds).buffer),
    timesUs: new Float64Array(new Uint8Array(frame.timesUs).buffer),
    values: new Float64Array(new Uint8Array(frame.values).buffer),
  };
}
