/**
 * What a sender writes: buffers with everything encoded once, in which only values and times are overwritten, so that
 * a sender costs little beside the server it measures. A {@link Burst} is one or more messages of a {@link MessagePlan}.
 */
import { seriesName, type MessagePlan, type Walk } from "./workload.ts";

export interface Burst {
  readonly buffer: Uint8Array;
  /** Where the buffer may be cut: ends of HTTP/2 frames, or its end. */
  readonly cuts: Int32Array;
  readonly messages: number;
  readonly points: number;
  /** How many steps of time it covers; the next burst of the same series comes so much later. */
  readonly steps: number;
  /** Writes new values, and times from `stepIndex` on. */
  fill(stepIndex: number): void;
}

export interface Times {
  readonly startUs: number;
  readonly stepUs: number;
}

const DATA_BYTES_MAX = 16_384;
const FRAME_HEADER_BYTES = 9;
const SECONDS_BYTES = 5;

/** BatchData messages as gRPC sends them: HTTP/2 DATA frames of whole points, at most 16,384 bytes each. */
export function grpcBurst(
  plans: readonly MessagePlan[],
  walk: Walk,
  times: Times,
  streamId: number,
  batchId: string,
): Burst {
  const withNanos = times.startUs % 1e6 !== 0 || times.stepUs % 1e6 !== 0;
  const bytes = new ByteWriter();
  const cuts: number[] = [];
  const points = new PointColumns();
  for (const plan of plans) {
    const tail = new ByteWriter();
    tail.field(2, batchId);
    tail.field(3, plan.source);
    const encoded = plan.series.map((index) => encodePoint(index, withNanos));
    const oneStep = encoded.reduce((sum, point) => sum + point.bytes.length, 0);
    const messageBytes = oneStep * plan.steps + tail.length;

    let frameAt = beginFrame(bytes, streamId);
    bytes.byte(0);
    bytes.uint32(messageBytes);
    const makeRoom = (length: number) => {
      if (bytes.length - frameAt - FRAME_HEADER_BYTES + length <= DATA_BYTES_MAX) return;
      cuts.push(endFrame(bytes, frameAt));
      frameAt = beginFrame(bytes, streamId);
    };
    for (let step = 0; step < plan.steps; step++) {
      for (let i = 0; i < encoded.length; i++) {
        const { bytes: point, valueAt, secondsAt } = encoded[i];
        makeRoom(point.length);
        points.add(plan.series[i], step, bytes.length + valueAt, bytes.length + secondsAt);
        bytes.raw(point);
      }
    }
    makeRoom(tail.length);
    bytes.raw(tail.taken());
    cuts.push(endFrame(bytes, frameAt));
  }
  const buffer = bytes.taken();
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const { series, steps, valueAt, timeAt } = points.taken();
  return {
    buffer,
    cuts: Int32Array.from(cuts),
    messages: plans.length,
    points: series.length,
    steps: plans[0].steps,
    fill(stepIndex) {
      for (let i = 0; i < series.length; i++) {
        view.setFloat64(valueAt[i], walk.next(series[i]) / 100, true);
        const timeUs = times.startUs + (stepIndex + steps[i]) * times.stepUs;
        const seconds = Math.floor(timeUs / 1e6);
        putVarint5(buffer, timeAt[i], seconds);
        if (withNanos) putVarint5(buffer, timeAt[i] + SECONDS_BYTES + 1, (timeUs - seconds * 1e6) * 1_000);
      }
    },
  };
}

/** One POST of Influx line protocol with millisecond times, the request's head included. */
export function lineBurst(plan: MessagePlan, walk: Walk, times: Times, path: string, host: string): Burst {
  const points = new PointColumns();
  const lines: string[] = [];
  let length = 0;
  for (let step = 0; step < plan.steps; step++) {
    for (const index of plan.series) {
      const { metric, tags } = seriesName(index);
      const head = `${metric},${tags.map(([key, value]) => `${key}=${value}`).join(",")} value=`;
      points.add(index, step, length + head.length, length + head.length + 6);
      const line = `${head}00.00 0000000000000\n`;
      lines.push(line);
      length += line.length;
    }
  }
  const request = `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${length}\r\n\r\n`;
  const buffer = new TextEncoder().encode(request + lines.join(""));
  const { series, steps, valueAt, timeAt } = points.taken();
  for (const columns of [valueAt, timeAt]) for (let i = 0; i < columns.length; i++) columns[i] += request.length;
  return {
    buffer,
    cuts: Int32Array.of(buffer.length),
    messages: 1,
    points: series.length,
    steps: plan.steps,
    fill(stepIndex) {
      let writtenStep = -1;
      let digits = new Uint8Array(0);
      for (let i = 0; i < series.length; i++) {
        if (steps[i] !== writtenStep) {
          writtenStep = steps[i];
          digits = new TextEncoder().encode(String((times.startUs + (stepIndex + writtenStep) * times.stepUs) / 1_000));
        }
        let cents = walk.next(series[i]);
        const at = valueAt[i];
        buffer[at + 4] = 48 + (cents % 10);
        cents = (cents / 10) | 0;
        buffer[at + 3] = 48 + (cents % 10);
        cents = (cents / 10) | 0;
        buffer[at + 1] = 48 + (cents % 10);
        buffer[at] = 48 + ((cents / 10) | 0);
        for (let digit = 0, to = timeAt[i]; digit < 13; digit++) buffer[to + digit] = digits[digit];
      }
    },
  };
}

function encodePoint(index: number, withNanos: boolean): { bytes: Uint8Array; valueAt: number; secondsAt: number } {
  const { metric, tags } = seriesName(index);
  const inner = new ByteWriter();
  inner.field(2, metric);
  inner.byte(0x19);
  const valueAt = inner.length;
  inner.raw(new Uint8Array(8));
  for (const [key, value] of tags) {
    const entry = new ByteWriter();
    entry.field(1, key);
    entry.field(2, value);
    inner.field(4, entry.taken());
  }
  const timestampBytes = 1 + SECONDS_BYTES + (withNanos ? 1 + SECONDS_BYTES : 0);
  inner.byte(0x2a);
  inner.byte(timestampBytes);
  inner.byte(0x08);
  const secondsAt = inner.length;
  inner.raw(new Uint8Array(SECONDS_BYTES));
  if (withNanos) {
    inner.byte(0x10);
    inner.raw(new Uint8Array(SECONDS_BYTES));
  }
  const point = new ByteWriter();
  point.field(1, inner.taken());
  const headBytes = point.length - inner.length;
  return { bytes: point.taken(), valueAt: headBytes + valueAt, secondsAt: headBytes + secondsAt };
}

/** Always 5 bytes, so that it can be overwritten; a longer form of a varint than needed is still right. */
function putVarint5(buffer: Uint8Array, at: number, value: number): void {
  buffer[at] = (value & 0x7f) | 0x80;
  buffer[at + 1] = ((value >>> 7) & 0x7f) | 0x80;
  buffer[at + 2] = ((value >>> 14) & 0x7f) | 0x80;
  buffer[at + 3] = ((value >>> 21) & 0x7f) | 0x80;
  buffer[at + 4] = (value / 2 ** 28) & 0x7f;
}

function beginFrame(bytes: ByteWriter, streamId: number): number {
  const at = bytes.length;
  bytes.raw(new Uint8Array(5));
  bytes.uint32(streamId);
  return at;
}

/** Fills in the length of the frame that began at `at`; returns its end. Type 0 (DATA) and no flags stand already. */
function endFrame(bytes: ByteWriter, at: number): number {
  bytes.putUint24(at, bytes.length - at - FRAME_HEADER_BYTES);
  return bytes.length;
}

class PointColumns {
  #series: number[] = [];
  #steps: number[] = [];
  #valueAt: number[] = [];
  #timeAt: number[] = [];

  add(series: number, step: number, valueAt: number, timeAt: number): void {
    this.#series.push(series);
    this.#steps.push(step);
    this.#valueAt.push(valueAt);
    this.#timeAt.push(timeAt);
  }

  taken(): { series: Int32Array; steps: Int32Array; valueAt: Int32Array; timeAt: Int32Array } {
    return {
      series: Int32Array.from(this.#series),
      steps: Int32Array.from(this.#steps),
      valueAt: Int32Array.from(this.#valueAt),
      timeAt: Int32Array.from(this.#timeAt),
    };
  }
}

class ByteWriter {
  #bytes = new Uint8Array(256);
  length = 0;

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.length++] = value;
  }

  uint32(value: number): void {
    for (const shift of [24, 16, 8, 0]) this.byte((value >>> shift) & 0xff);
  }

  putUint24(at: number, value: number): void {
    this.#bytes[at] = value >>> 16;
    this.#bytes[at + 1] = (value >>> 8) & 0xff;
    this.#bytes[at + 2] = value & 0xff;
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** A length-delimited protobuf field. */
  field(number: number, content: string | Uint8Array): void {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    this.byte((number << 3) | 2);
    let rest = bytes.length;
    for (; rest > 0x7f; rest >>>= 7) this.byte((rest & 0x7f) | 0x80);
    this.byte(rest);
    this.raw(bytes);
  }

  taken(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }

  #room(more: number): void {
    if (this.length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + more));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
