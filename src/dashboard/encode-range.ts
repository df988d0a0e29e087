/**
 * QueryRangeResponse written by hand: packed doubles are columns as they lie in memory, so a million points are copied
 * and not looked at. Field numbers are those of proto/history.proto; a test holds this equal to the generated code.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import type { RangeResult } from "../store/store-client.ts";
import { QueryRangeResponseSchema, SeriesRangeSchema } from "../wire/gen/history_pb.ts";

/** What names a series or a group. */
export interface RangeName {
  readonly metric: string;
  readonly source: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly device: string;
}

const [SERIES, TIMES_MS, VALUES] = [0x0a, 0x2a, 0x32];
const US_PER_MS = 1_000;
/** Tag and length of a field. */
const HEAD_BYTES_MAX = 6;

/** Takes rows [from, to) of `result`. `nameOf` gets a slot of the query. */
export function encodeRange(
  result: Pick<RangeResult, "slots" | "offsets" | "timesUs" | "values">,
  nameOf: (slot: number) => RangeName,
  rest: { readonly resolutionUs: number; readonly notes: readonly string[] },
): Uint8Array {
  const { slots, offsets, timesUs, values } = result;
  const timesMs = timesUs.map((timeUs) => timeUs / US_PER_MS);
  const names = Array.from(slots, (slot) => toBinary(SeriesRangeSchema, create(SeriesRangeSchema, nameOf(slot))));
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
