import { expect, test } from "bun:test";
import { NewsQueue } from "../../src/client/news-queue.ts";

/** Whether it has settled once everything that can happen has. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.finally(() => (settled = true)).catch(() => {});
  await Bun.sleep(0);
  return settled;
}

test("a maker is held back while too many wait, and goes on when one is taken", async () => {
  const queue = new NewsQueue<number>(2);
  expect(await isSettled(queue.push(1))).toBe(true);
  const second = queue.push(2);
  expect(await isSettled(second)).toBe(false);
  const reader = queue[Symbol.asyncIterator]();
  expect(await reader.next()).toEqual({ done: false, value: 1 });
  expect(await isSettled(second)).toBe(true);
  queue.end();
  await queue.push(3);
  expect(await Array.fromAsync({ [Symbol.asyncIterator]: () => reader })).toEqual([2]);
});

test("a reader gets what waits, then what the maker failed with", async () => {
  const queue = new NewsQueue<number>(2);
  void queue.push(1);
  void queue.push(2);
  queue.fail(new Error("over"));
  const taken: number[] = [];
  const reading = (async () => {
    for await (const each of queue) taken.push(each);
  })();
  expect(reading).rejects.toThrow("over");
  await reading.catch(() => {});
  expect(taken).toEqual([1, 2]);
});

test("nobody is held back by a reader who has left", async () => {
  const queue = new NewsQueue<number>(1);
  const held = queue.push(1);
  for await (const _ of queue) break;
  expect(await isSettled(held)).toBe(true);
  expect(await isSettled(queue.push(2))).toBe(true);
});
