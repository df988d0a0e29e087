/** Cursors are short, fit into a URL, and nothing else is taken for one. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeCursor, encodeCursor, EPOCH_MAX } from "../../src/model/journal-cursor.ts";

const place = fc.record({
  epoch: fc.integer({ min: 1, max: EPOCH_MAX }),
  position: fc.oneof(fc.nat(), fc.maxSafeNat()),
});

test("say what they were made of, in a few characters of a URL", () => {
  fc.assert(
    fc.property(place, ({ epoch, position }) => {
      const cursor = encodeCursor(epoch, position);
      expect(decodeCursor(cursor)).toEqual({ epoch, position });
      expect(cursor).toMatch(/^[A-Za-z0-9_-]{20}$/);
    }),
  );
});

test("with a character changed, cut off or added are none", () => {
  fc.assert(
    fc.property(place, fc.nat(19), fc.constantFrom(..."AZaz09-_=+/ é"), ({ epoch, position }, at, character) => {
      const cursor = encodeCursor(epoch, position);
      const changed = cursor.slice(0, at) + character + cursor.slice(at + 1);
      for (const text of [cursor.slice(0, at), cursor + character, changed]) {
        if (text !== cursor) expect(() => decodeCursor(text)).toThrow("wanted a cursor");
      }
    }),
  );
});

test("are refused by the name of their field", () => {
  for (const text of ["", "0", "AAAAAAAA", "x".repeat(10_000), encodeCursor(1, 0).toLowerCase()]) {
    expect(() => decodeCursor(text, "after")).toThrow(/^after is "/);
  }
});
