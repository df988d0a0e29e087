/**
 * QueryRangeResponse written by hand: packed doubles are columns as they lie in memory, so a million points are copied
 * and not looked at. Field numbers are those of proto/history.proto; a test holds this equal to the generated code.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import type { RangeResult } from "../store/store-client.ts";
import { QueryRangeResponseSchema } from "../wire/gen/history_pb.ts";

/** What names a series or a group. */
export interface RangeName {
  readonly metric: string;
  readonly source: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly device: string;
}

const SERIES = 0x0a;
const [METRIC, SOURCE, TAGS, DEVICE, TIMES_MS, VALUES] = [0x0a, 0x12, 0x1a, 0x22, 0x2a, 0x32];
const [TAG_KEY, TAG_VALUE] = [0x0a, 0x12];
const US_PER_MS = 1_000;
/** Tag and length of a field. */
const HEAD_BYTES_MAX = 6;
const UTF8_BYTES_MAX = 3;
const utf8 = new TextEncoder();

/** Takes rows [from, to) of `result`. `nameOf` gets a slot of the query. */
export function encodeRange(
  result: Pick<RangeResult, "slots" | "offsets" | "timesUs" | "values">,
  nameOf: (slot: number) => RangeName,
  rest: { readonly resolutionUs: number; readonly notes: readonly string[] },
): Uint8Array {
  const { slots, offsets, timesUs, values } = result;
  const timesMs = new Float64Array(timesUs.length);
  for (let i = 0; i < timesMs.length; i++) timesMs[i] = timesUs[i] / US_PER_MS;
  const names = Array.from(slots, (slot) => encodeName(nameOf(slot)));
  const tail = toBinary(
    QueryRangeResponseSchema,
    create(QueryRangeResponseSchema, {
      pointsTotal: BigInt(values.length),
      resolutionMs: BigInt(rest.resolutionUs / US_PER_MS),
      notes: [...rest.notes],
    }),
  );
  const nameBytes = names.reduce((sum, name) => sum + name.length, 0);
  const out = new Output(16 * values.length + nameBytes + names.length * 3 * HEAD_BYTES_MAX + tail.length);
  names.forEach((name, i) => {
    const [from, to] = [offsets[i], offsets[i + 1]];
    const columnBytes = 8 * (to - from);
    const columnHead = 1 + varintBytes(columnBytes);
    out.head(SERIES, name.length + 2 * (columnHead + columnBytes));
    out.bytes(name);
    for (const [tag, column] of [
      [TIMES_MS, timesMs],
      [VALUES, values],
    ] as const) {
      out.head(tag, columnBytes);
      out.bytes(new Uint8Array(column.buffer, column.byteOffset + 8 * from, columnBytes));
    }
  });
  out.bytes(tail);
  return out.written;
}

/** The fields of a SeriesRange that are no columns. */
function encodeName({ metric, source, tags, device }: RangeName): Uint8Array {
  const pairs = Object.entries(tags);
  let bytesMax = 3 * HEAD_BYTES_MAX + UTF8_BYTES_MAX * (metric.length + source.length + device.length);
  for (const [key, value] of pairs) bytesMax += 3 * HEAD_BYTES_MAX + UTF8_BYTES_MAX * (key.length + value.length);
  const out = new Output(bytesMax);
  if (metric !== "") out.text(METRIC, metric);
  if (source !== "") out.text(SOURCE, source);
  for (const [key, value] of pairs) {
    const pair = new Output(2 * HEAD_BYTES_MAX + UTF8_BYTES_MAX * (key.length + value.length));
    pair.text(TAG_KEY, key);
    pair.text(TAG_VALUE, value);
    out.head(TAGS, pair.written.length);
    out.bytes(pair.written);
  }
  if (device !== "") out.text(DEVICE, device);
  return out.written;
}

class Output {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytesMax: number) {
    this.#bytes = new Uint8Array(bytesMax);
  }

  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  head(tag: number, length: number): void {
    this.#bytes[this.#at++] = tag;
    let left = length;
    while (left >= 0x80) {
      this.#bytes[this.#at++] = (left & 0x7f) | 0x80;
      left >>>= 7;
    }
    this.#bytes[this.#at++] = left;
  }

  text(tag: number, text: string): void {
    const bytes = utf8.encode(text);
    this.head(tag, bytes.length);
    this.bytes(bytes);
  }

  bytes(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let left = value; left >= 0x80; left >>>= 7) bytes++;
  return bytes;
}
