import { expect, test } from "bun:test";
import fc from "fast-check";
import { compress } from "snappyjs";
import { DamagedSnappyError, LargeSnappyError, unpackSnappy } from "../../src/wire/snappy.ts";

const packed = (bytes: Uint8Array) => new Uint8Array(compress(bytes));

test("what another implementation packed is unpacked", () => {
  const repetitive = fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 80 }), fc.nat({ max: 400 }))
    .map(([part, times]) => Buffer.concat(Array.from({ length: times }, () => part)));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 5_000 }), repetitive), (bytes) => {
      expect(Buffer.from(unpackSnappy(packed(bytes), 1e6)).equals(Buffer.from(bytes))).toBe(true);
    }),
  );
});

test("literals of all widths, copies of all kinds", () => {
  expect(unpackSnappy(new Uint8Array([5, 0xf0, 4, 1, 2, 3, 4, 5]), 5)).toEqual(new Uint8Array([1, 2, 3, 4, 5]));
  expect(unpackSnappy(new Uint8Array([9, 4, 1, 2, 0x0d, 2]), 9)).toEqual(new Uint8Array([1, 2, 1, 2, 1, 2, 1, 2, 1]));
  expect(unpackSnappy(new Uint8Array([4, 4, 1, 2, 0x06, 2, 0]), 4)).toEqual(new Uint8Array([1, 2, 1, 2]));
  expect(unpackSnappy(new Uint8Array([4, 4, 1, 2, 0x07, 1, 0, 0, 0]), 4)).toEqual(new Uint8Array([1, 2, 2, 2]));
  expect(unpackSnappy(new Uint8Array([0]), 0)).toEqual(new Uint8Array());
});

test.each([
  ["nothing", []],
  ["a length without an end", [0xff, 0xff, 0xff, 0xff, 0xff]],
  ["a literal that is cut off", [5, 16, 1]],
  ["a literal past the end", [1, 4, 1, 2]],
  ["a copy from before the beginning", [6, 0, 1, 0x0d, 2]],
  ["a copy from nowhere", [6, 0, 1, 0x0d, 0]],
  ["a copy that is cut off", [6, 0, 1, 0x06, 1]],
  ["less than it says", [3, 4, 1, 2]],
  ["far too little for its length", [0xff, 0xff, 0x3f, 0, 1]],
])("%s is refused", (_, bytes) => {
  expect(() => unpackSnappy(new Uint8Array(bytes), 2 ** 24)).toThrow(DamagedSnappyError);
});

test("more than is allowed is refused by its length alone; any bytes end", () => {
  expect(() => unpackSnappy(packed(new Uint8Array(1_001)), 1_000)).toThrow(LargeSnappyError);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      try {
        expect(unpackSnappy(bytes, 10_000).length).toBeLessThanOrEqual(10_000);
      } catch (error) {
        if (!(error instanceof DamagedSnappyError || error instanceof LargeSnappyError)) throw error;
      }
    }),
  );
});
