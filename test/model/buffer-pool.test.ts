import { expect, test } from "bun:test";
import { BufferPool } from "../../src/model/buffer-pool.ts";

const KIB = 1024;

test("a buffer that was given is taken again, for any size it holds", () => {
  const pool = new BufferPool(64 * KIB, 1024 * KIB, 4096 * KIB);
  const first = pool.take(100 * KIB);
  expect(first.byteLength).toBe(128 * KIB);
  expect(pool.take(100 * KIB)).not.toBe(first);
  pool.give(first);
  expect(pool.take(65 * KIB)).toBe(first);
});

test("what is too small or too large is made to measure and forgotten", () => {
  const pool = new BufferPool(64 * KIB, 1024 * KIB, 4096 * KIB);
  for (const bytes of [0, 1, 64 * KIB - 1, 1024 * KIB + 1]) {
    const buffer = pool.take(bytes);
    expect(buffer.byteLength).toBe(bytes);
    pool.give(buffer);
    expect(pool.take(bytes)).not.toBe(buffer);
  }
});

test("no more is kept than the bound says", () => {
  const pool = new BufferPool(64 * KIB, 1024 * KIB, 256 * KIB);
  const buffers = [1, 2, 3].map(() => pool.take(128 * KIB));
  for (const buffer of buffers) pool.give(buffer);
  const again = [1, 2, 3].map(() => pool.take(128 * KIB));
  expect(again.filter((buffer) => buffers.includes(buffer)).length).toBe(2);
});
