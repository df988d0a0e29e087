/** Remote write as Prometheus sends it, made by hand. */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { compress } from "snappyjs";

export type Sample = readonly [timeMs: number | bigint, value: number | "stale"];
/** Of which a double in this language keeps no more than that it is no number. */
const STALE = 0x7ff0000000000002n;

export function writeRequest(series: readonly (readonly [Record<string, string>, readonly Sample[]])[]): Uint8Array {
  const request = new BinaryWriter();
  for (const [labels, samples] of series) {
    request.tag(1, WireType.LengthDelimited).fork();
    for (const [name, value] of Object.entries(labels)) {
      request.tag(1, WireType.LengthDelimited).fork();
      request.tag(1, WireType.LengthDelimited).string(name).tag(2, WireType.LengthDelimited).string(value).join();
    }
    for (const [timeMs, value] of samples) {
      request.tag(2, WireType.LengthDelimited).fork();
      request.tag(1, WireType.Bit64);
      if (value === "stale") request.fixed64(STALE);
      else request.double(value);
      request.tag(2, WireType.Varint).int64(timeMs).join();
    }
    request.join();
  }
  return request.finish();
}

export function packed(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(compress(bytes));
}

export const HEADERS = {
  "content-encoding": "snappy",
  "content-type": "application/x-protobuf",
  "x-prometheus-remote-write-version": "0.1.0",
};
