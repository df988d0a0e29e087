/** What is read of messages of other nodes before anything is made of them. */
import { describe, expect, test } from "bun:test";
import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { readForwarded } from "../../../src/ingestion/forwarding/forwarded-message.ts";
import { ForwardedSchema, ForwardedSeriesSchema } from "../../../src/wire/gen/forwarding_pb.ts";
import { batchBytes } from "../rig.ts";

type ForwardedInit = Omit<MessageInitShape<typeof ForwardedSchema>, "$typeName" | "$unknown">;

/** A batch whose `forwarded` is what is written. */
function written(write: (writer: BinaryWriter) => void): Uint8Array {
  const forwarded = new BinaryWriter();
  write(forwarded);
  return new BinaryWriter().tag(4, WireType.LengthDelimited).bytes(forwarded.finish()).finish();
}

const text = fc.string({ maxLength: 8 });
const series = fc.record({ id: fc.nat(1_000), metricName: text, source: text });
const forwarded: fc.Arbitrary<ForwardedInit> = fc.record(
  {
    originId: text,
    lane: text,
    session: fc.bigInt(0n, 1n << 40n),
    behind: fc.array(text, { maxLength: 4 }),
    sequences: fc.record({ from: fc.bigInt(0n, 1n << 40n) }),
    isLast: fc.boolean(),
    series: fc.array(series, { maxLength: 4 }),
    blockIndex: fc.uint8Array({ maxLength: 8 }),
    blockBody: fc.uint8Array({ maxLength: 8 }),
    dropped: fc.array(fc.record({ source: text, points: fc.bigInt(-5n, 5n) }), { maxLength: 4 }),
    isResend: fc.boolean(),
  },
  { requiredKeys: [] },
);

test("a message is read as the generated code reads it", () => {
  fc.assert(
    fc.property(forwarded, (init) => {
      const read = readForwarded(batchBytes({ forwarded: init }));
      const series = read.series.map((bytes) => fromBinary(ForwardedSeriesSchema, bytes));
      expect({ ...read.forwarded, series }).toEqual(create(ForwardedSchema, init));
    }),
  );
});

test("what stands between series is read, and what a later version adds is passed over", () => {
  const one = toBinary(ForwardedSeriesSchema, create(ForwardedSeriesSchema, { id: 7 }));
  const message = written((writer) => {
    writer.tag(1, WireType.LengthDelimited).string("edge-1");
    for (let i = 0; i < 3; i++) {
      writer.tag(8, WireType.LengthDelimited).bytes(one);
      writer.tag(99, WireType.LengthDelimited).bytes(one);
      writer.tag(5, WireType.LengthDelimited).string(`line-${i}`);
    }
    writer.tag(7, WireType.Varint).bool(true);
  });
  const { forwarded, series } = readForwarded(message);
  expect(forwarded).toMatchObject({ originId: "edge-1", behind: ["line-0", "line-1", "line-2"], isLast: true });
  expect(series).toEqual([one, one, one]);
  expect(forwarded.$unknown).toBeUndefined();
});

describe("is refused with", () => {
  const many = (number: number, count: number) =>
    written((writer) => {
      for (let i = 0; i < count; i++) writer.tag(number, WireType.LengthDelimited).bytes(new Uint8Array());
    });
  const long = (number: number, bytes: number) =>
    written((writer) => void writer.tag(number, WireType.LengthDelimited).bytes(new Uint8Array(bytes).fill(65)));

  test.each<[string, Uint8Array, string]>([
    ["points beside it", batchBytes({ points: [{}], forwarded: {} }), "with points came in a stream"],
    ["nothing forwarded", batchBytes({ batchId: "b" }), "without 'forwarded'"],
    ["two of them", Buffer.concat([batchBytes({ forwarded: {} }), batchBytes({ forwarded: {} })]), "more than once"],
    ["bytes that are no message", Uint8Array.of(0x22, 0x05, 0x0a), "the message is no BatchData"],
    ["more series than rows", many(8, 65_537), "series comes more than 65536 times"],
    ["more counts than sources", many(11, 10_001), "dropped comes more than 10000 times"],
    ["two blocks", many(10, 2), "block_body comes more than 1 times"],
    ["names of a series without end", long(8, 40_000), "series has 40000 bytes; wanted at most 32768"],
    ["a name without end", long(2, 5_000), "origin_name has 5000 bytes"],
    ["an id without end", long(5, 300), "behind has 300 bytes; wanted at most 256"],
    ["fields nobody knows", many(77, 1_001), "a field that this version does not know comes more than 1000 times"],
    [
      "another wire type",
      written((writer) => void writer.tag(11, WireType.Varint).uint32(5)),
      "dropped has wire type 0",
    ],
  ])("%s", (_, message, wanted) => {
    expect(() => readForwarded(message)).toThrow(wanted);
    expect(() => readForwarded(message)).toThrow(expect.objectContaining({ status: "INVALID_ARGUMENT" }));
  });
});
