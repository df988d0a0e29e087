import { expect, test } from "bun:test";
import { packSnappy } from "../../src/wire/pack-snappy.ts";
import { unpackSnappy } from "../../src/wire/snappy.ts";
import { randomOf } from "../store/harness.ts";

test("what is packed becomes what it was, whatever it is made of", () => {
  const random = randomOf(7);
  const lengths = [0, 1, 3, 4, 5, 59, 60, 61, 64, 68, 255, 256, 257, 1_000, 65_535, 65_536, 65_537, 300_000];
  for (const length of lengths) {
    for (const letters of [1, 2, 5, 256]) {
      const bytes = Uint8Array.from({ length }, () => Math.floor(random() * letters));
      // Repeats from near and far, of every length.
      for (let i = 0; i < length / 50; i++) {
        const [from, to] = [Math.floor(random() * length), Math.floor(random() * length)];
        bytes.copyWithin(to, from, from + Math.floor(random() * 200));
      }
      expect(Buffer.compare(unpackSnappy(packSnappy(bytes), length), bytes)).toBe(0);
    }
  }
});

test("repeats take less, and what has none hardly more", () => {
  const repeated = Buffer.from("label=value,".repeat(1_000));
  expect(packSnappy(repeated).length).toBeLessThan(repeated.length / 15);
  const noise = crypto.getRandomValues(new Uint8Array(10_000));
  expect(packSnappy(noise).length).toBeLessThan(10_020);
});
