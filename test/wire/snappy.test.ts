import { expect, test } from "bun:test";
import fc from "fast-check";
import { compress, uncompress } from "snappyjs";
import { DamagedSnappyError, LargeSnappyError, SnappyUnpacker, unpackSnappy } from "../../src/wire/snappy.ts";
import "../support/seed.ts";

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

/** A literal of random bytes, or a copy of what stands `share` of the way back. */
type Element =
  | { readonly kind: "literal"; readonly bytes: Uint8Array; readonly lengthBytes: number }
  | { readonly kind: "copy"; readonly share: number; readonly size: number; readonly offsetBytes: 1 | 2 | 4 };

const element = fc.oneof<fc.Arbitrary<Element>[]>(
  fc.record({
    kind: fc.constant("literal" as const),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 300 }),
    lengthBytes: fc.integer({ min: 0, max: 4 }),
  }),
  fc.record({
    kind: fc.constant("copy" as const),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    size: fc.integer({ min: 1, max: 64 }),
    offsetBytes: fc.constantFrom(1 as const, 2 as const, 4 as const),
  }),
);

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(Math.floor(value / 128))];
}

function littleEndian(value: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.floor(value / 256 ** i) % 256);
}

/** The block of such elements, and what it was, byte by byte. */
function blockOf(elements: readonly Element[]): { block: Uint8Array; plain: number[] } {
  const [body, plain]: number[][] = [[], []];
  for (const part of elements) {
    if (part.kind === "literal") {
      const size = part.bytes.length - 1;
      const needed = size < 60 ? 0 : size < 256 ? 1 : 2;
      const count = Math.max(needed, part.lengthBytes);
      body.push(count === 0 ? size << 2 : (59 + count) << 2, ...littleEndian(size, count), ...part.bytes);
      plain.push(...part.bytes);
    } else if (plain.length > 0) {
      const { offsetBytes } = part;
      const size = offsetBytes === 1 ? 4 + (part.size % 8) : part.size;
      const furthest = Math.min(plain.length, offsetBytes === 1 ? 2_047 : offsetBytes === 2 ? 65_535 : Infinity);
      const offset = Math.max(1, Math.round(furthest * part.share));
      if (offsetBytes === 1) body.push(1 | ((size - 4) << 2) | ((offset >> 8) << 5), offset & 0xff);
      else body.push((offsetBytes === 2 ? 2 : 3) | ((size - 1) << 2), ...littleEndian(offset, offsetBytes));
      for (let i = 0; i < size; i++) plain.push(plain[plain.length - offset]);
    }
  }
  return { block: new Uint8Array([...varint(plain.length), ...body]), plain };
}

test("any elements become what their model becomes", () => {
  const property = fc.property(fc.array(element, { maxLength: 60 }), (elements) => {
    const { block, plain } = blockOf(elements);
    expect([...unpackSnappy(block, 1e6)]).toEqual(plain);
    const unpacker = new SnappyUnpacker(block, 1e6);
    for (let steps = 0; !unpacker.step(1 + (steps % 40)); steps++) expect(steps).toBeLessThan(block.length);
    expect([...unpacker.unpacked]).toEqual(plain);
  });
  fc.assert(property, { numRuns: 500 });
});

/** Undefined where it is refused there: some blocks are that are whole. */
function elsewhere(block: Uint8Array): Uint8Array | undefined {
  try {
    return new Uint8Array(uncompress(block));
  } catch {
    return undefined;
  }
}

test("blocks that were changed are refused, or become what they become elsewhere", () => {
  const change = fc.tuple(fc.nat(), fc.nat({ max: 255 }));
  const changes = fc.array(change, { minLength: 1, maxLength: 4 });
  let refused = 0;
  const property = fc.property(fc.array(element, { maxLength: 20 }), changes, fc.nat(), (elements, changed, cut) => {
    const { block } = blockOf(elements);
    for (const [at, byte] of changed) block[at % block.length] = byte;
    const hurt = cut % 2 === 0 ? block : block.subarray(0, cut % block.length);
    try {
      const plain = unpackSnappy(hurt, 1e6);
      expect(elsewhere(hurt) ?? plain).toEqual(plain);
    } catch (error) {
      if (!(error instanceof DamagedSnappyError || error instanceof LargeSnappyError)) throw error;
      refused++;
    }
  });
  fc.assert(property, { numRuns: 2_000 });
  expect(refused).toBeGreaterThan(500);
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
