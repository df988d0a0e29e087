/** How points become batches: full ones at once, others after a while, and nothing that was read is lost. */
import { expect, test } from "bun:test";
import { fromBinary } from "@bufbuild/protobuf";
import { batchesOf, type Batch, type Point } from "../../src/client/batch.ts";
import { isRetryable } from "../../src/client/connection.ts";
import { replayBatches } from "../../src/client/replay.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import { BatchDataSchema } from "../../src/wire/gen/ingestion_pb.ts";
import { ManualClock } from "../support/manual-clock.ts";

const point = (value: number): Point => ({ metric: "m", value });

function valuesOf({ bytes }: Batch): number[] {
  return fromBinary(BatchDataSchema, bytes).points.map(({ value }) => value);
}

/** Points that are given one after the other, from outside. */
function source() {
  const waiting: (() => void)[] = [];
  const given: Point[] = [];
  let end: (() => void) | undefined;
  let taken = 0;
  async function* points() {
    for (;;) {
      while (taken < given.length) yield given[taken++];
      if (end !== undefined) return end();
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  }
  const wake = () => waiting.splice(0).forEach((resolve) => resolve());
  return {
    points: points(),
    /** Resolves once they were read. */
    give: async (...more: Point[]) => {
      given.push(...more);
      wake();
      while (waiting.length === 0) await Bun.sleep(0);
    },
    finish: (how: () => void = () => {}) => {
      end = how;
      wake();
    },
  };
}

test("a batch goes when it is full, and what is left at the end", async () => {
  const batches = await Array.fromAsync(batchesOf([1, 2, 3, 4, 5, 6, 7].map(point), "s", 3));
  expect(batches.map(valuesOf)).toEqual([[1, 2, 3], [4, 5, 6], [7]]);
  expect(await Array.fromAsync(batchesOf([1, 2].map(point), "s", 2))).toHaveLength(1);
  expect(await Array.fromAsync(batchesOf([], "s"))).toEqual([]);
});

test("a batch that does not fill goes when its first point has waited", async () => {
  const clock = new ManualClock();
  const { points, give, finish } = source();
  const batches = batchesOf(points, "s", 10, { clock, holdMs: 500 })[Symbol.asyncIterator]();
  const first = batches.next();
  await give(point(1));
  clock.advance(300);
  await give(point(2));
  clock.advance(199);
  expect(Bun.peek.status(first)).toBe("pending");
  clock.advance(1);
  expect(valuesOf((await first).value)).toEqual([1, 2]);
  const second = batches.next();
  clock.advance(10_000);
  await give(point(3));
  expect(Bun.peek.status(second)).toBe("pending");
  clock.advance(500);
  expect(valuesOf((await second).value)).toEqual([3]);
  const last = batches.next();
  await give(point(4));
  finish();
  expect(valuesOf((await last).value)).toEqual([4]);
  expect((await batches.next()).done).toBe(true);
  expect(clock.timers).toBe(0);
});

test("what was read before a failure goes first", async () => {
  const { points, give, finish } = source();
  const batches = batchesOf(points, "s", 10, { clock: new ManualClock() })[Symbol.asyncIterator]();
  const first = batches.next();
  await give(point(1), point(2));
  finish(() => {
    throw new Error("the disk of the sender");
  });
  expect(valuesOf((await first).value)).toEqual([1, 2]);
  await expect(batches.next()).rejects.toThrow("the disk of the sender");
});

test("reads one batch ahead, and stops reading when its reader leaves", async () => {
  let read = 0;
  let closed = false;
  function* endless() {
    try {
      for (;;) yield point(read++);
    } finally {
      closed = true;
    }
  }
  for await (const batch of batchesOf(endless(), "s", 5)) {
    expect(valuesOf(batch)).toEqual([0, 1, 2, 3, 4]);
    await Bun.sleep(1);
    expect(read).toBeLessThanOrEqual(11);
    break;
  }
  while (!closed) await Bun.sleep(0);
});

test("a batch is cut by its bytes too; what is larger than a batch goes alone", async () => {
  const bytesMax = 4 * 1024 * 1024;
  const large = (value: number, length: number) => ({ ...point(value), tags: { text: "x".repeat(length) } });
  const batches = await Array.fromAsync(
    batchesOf(
      Array.from({ length: 1_000 }, (_, i) => large(i, 14_000)),
      "s",
    ),
  );
  expect(batches.flatMap(valuesOf)).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
  for (const { bytes } of batches) expect(bytes.length).toBeLessThanOrEqual(bytesMax);
  expect(batches.length).toBeLessThan(20);
  const mixed = [point(1), large(2, bytesMax), point(3), { ...point(4), id: "温".repeat(bytesMax / 3) }, point(5)];
  expect((await Array.fromAsync(batchesOf(mixed, "s"))).map(valuesOf)).toEqual([[1], [2], [3], [4], [5]]);
  const replayed = replayBatches([large(1, bytesMax), large(2, bytesMax)], { source: "s", speed: 1, rebaseToMs: 0 });
  expect((await Array.fromAsync(replayed)).map(valuesOf)).toEqual([[1], [2]]);
});

test("a refusal for want of room is tried again where the server says when", () => {
  const full = (retryAfterMs?: number) =>
    new WatchpostError("RESOURCE_EXHAUSTED", "full", retryAfterMs === undefined ? {} : { retryAfterMs });
  expect([isRetryable(full(1_000)), isRetryable(full())]).toEqual([true, false]);
});
