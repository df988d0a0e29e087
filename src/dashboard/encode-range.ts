/**
 * QueryRangeResponse written by hand: packed doubles are columns as they lie in memory, so a million points are copied
 * and not looked at. Field numbers are those of proto/history.proto; a test holds this equal to the generated code.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { QueryRangeResponseSchema } from "../wire/gen/history_pb.ts";
import { restOf, type RangeAnswer, type RangeName } from "./range-answer.ts";

const SERIES = 0x0a;
const [METRIC, SOURCE, TAGS, DEVICE, TIMES_MS, VALUES, UNIT] = [0x0a, 0x12, 0x1a, 0x22, 0x2a, 0x32, 0x3a];
const [TAG_KEY, TAG_VALUE] = [0x0a, 0x12];
const US_PER_MS = 1_000;
/** Of a series and its tags; more is made room for. */
const NAME_BYTES = 200;
const TAG_BYTES = 64;
/** Tag and length of a field. */
const HEAD_BYTES_MAX = 6;
const UTF8_BYTES_MAX = 3;
const utf8 = new TextEncoder();

export function encodeRange(answer: RangeAnswer): Uint8Array {
  const { slots, offsets, timesUs, values } = answer.result;
  const timesMs = new Float64Array(timesUs.length);
  for (let i = 0; i < timesMs.length; i++) timesMs[i] = timesUs[i] / US_PER_MS;
  const columns = [
    [TIMES_MS, new Uint8Array(timesMs.buffer)],
    [VALUES, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)],
  ] as const;
  const out = new Output(16 * values.length + NAME_BYTES * (slots.length + 1));
  for (let i = 0; i < slots.length; i++) {
    const [from, to] = [8 * offsets[i], 8 * offsets[i + 1]];
    const body = out.begin(SERIES, 2 * (to - from) + NAME_BYTES);
    const name = answer.nameOf(slots[i]);
    writeName(out, name);
    for (const [tag, bytes] of columns) out.bytes(tag, bytes.subarray(from, to));
    if (name.unit !== "") out.text(UNIT, name.unit);
    out.end(body);
  }
  out.append(toBinary(QueryRangeResponseSchema, create(QueryRangeResponseSchema, restOf(answer))));
  return out.written;
}

/** The fields of a SeriesRange that are no columns. */
function writeName(out: Output, { metric, source, tags, device }: RangeName): void {
  if (metric !== "") out.text(METRIC, metric);
  if (source !== "") out.text(SOURCE, source);
  for (const [key, value] of Object.entries(tags)) {
    const body = out.begin(TAGS, TAG_BYTES);
    out.text(TAG_KEY, key);
    out.text(TAG_VALUE, value);
    out.end(body);
  }
  if (device !== "") out.text(DEVICE, device);
}

interface Body {
  readonly from: number;
  /** Room for the length before it. */
  readonly lengthBytes: number;
}

/** Growing fields of a message. */
class Output {
  #bytes: Uint8Array;
  #at = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  /** A field whose fields follow, about `bytes` of them. */
  begin(tag: number, bytes: number): Body {
    this.#reserve(HEAD_BYTES_MAX);
    const lengthBytes = varintBytes(bytes);
    this.#bytes[this.#at++] = tag;
    this.#at += lengthBytes;
    return { from: this.#at, lengthBytes };
  }

  end({ from, lengthBytes }: Body): void {
    const length = this.#at - from;
    const more = varintBytes(length) - lengthBytes;
    if (more !== 0) {
      this.#reserve(HEAD_BYTES_MAX);
      this.#bytes.copyWithin(from + more, from, this.#at);
    }
    this.#at = from - lengthBytes;
    this.#varint(length);
    this.#at += length;
  }

  text(tag: number, text: string): void {
    const body = this.begin(tag, text.length);
    this.#reserve(UTF8_BYTES_MAX * text.length);
    this.#at += utf8.encodeInto(text, this.#bytes.subarray(this.#at)).written;
    this.end(body);
  }

  bytes(tag: number, bytes: Uint8Array): void {
    this.#reserve(HEAD_BYTES_MAX);
    this.#bytes[this.#at++] = tag;
    this.#varint(bytes.length);
    this.append(bytes);
  }

  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #varint(value: number): void {
    let left = value;
    while (left >= 0x80) {
      this.#bytes[this.#at++] = (left & 0x7f) | 0x80;
      left >>>= 7;
    }
    this.#bytes[this.#at++] = left;
  }

  #reserve(bytes: number): void {
    const wanted = this.#at + bytes;
    if (wanted <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(wanted, 2 * this.#bytes.length));
    larger.set(this.written);
    this.#bytes = larger;
  }
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let left = value; left >= 0x80; left >>>= 7) bytes++;
  return bytes;
}
