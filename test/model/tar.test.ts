/** Tar headers are read back as written, whatever the size, and none that is damaged. */
import { expect, test } from "bun:test";
import { readTarHeader, tarHeader, tarPaddingBytes } from "../../src/model/tar.ts";
import { randomOf } from "../support/random.ts";

const SIZES = [0, 1, 511, 512, 2 ** 31, 8 ** 11 - 1, 8 ** 11, 2 ** 40 + 12345, Number.MAX_SAFE_INTEGER];

test("names and sizes come back", () => {
  for (const bytes of SIZES) {
    for (const name of ["a", "points-2026-11.db", "n".repeat(100)]) {
      expect(readTarHeader(tarHeader({ name, bytes }, 1_800_000_000_000))).toEqual({ name, bytes });
    }
  }
  expect(readTarHeader(new Uint8Array(512))).toBeNull();
  expect(() => tarHeader({ name: "n".repeat(101), bytes: 1 }, 0)).toThrow("101 bytes");
});

test("every flipped bit of a header is noticed", () => {
  const header = tarHeader({ name: "points-2026-11.db", bytes: 123_456 }, 1_800_000_000_000);
  const random = randomOf(1);
  for (let round = 0; round < 2_000; round++) {
    const damaged = header.slice();
    damaged[Math.floor(random() * damaged.length)] ^= 1 << Math.floor(random() * 8);
    let read: unknown;
    try {
      read = readTarHeader(damaged);
    } catch {
      continue;
    }
    // What fills up the checksum's own field says nothing.
    expect(read).toEqual({ name: "points-2026-11.db", bytes: 123_456 });
  }
});

test("files end at multiples of 512", () => {
  expect([0, 1, 511, 512, 513].map(tarPaddingBytes)).toEqual([0, 511, 1, 0, 511]);
});

test("tar reads it", async () => {
  const content = new TextEncoder().encode("hello");
  const archive = new Uint8Array([
    ...tarHeader({ name: "a.txt", bytes: content.length }, 0),
    ...content,
    ...new Uint8Array(tarPaddingBytes(content.length) + 1024),
  ]);
  const tar = Bun.spawn(["tar", "-xO"], { stdin: new Blob([archive]), stdout: "pipe", stderr: "pipe" });
  expect(await tar.stdout.text()).toBe("hello");
  expect(await tar.exited).toBe(0);
});
