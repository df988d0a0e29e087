import { expect, test } from "bun:test";
import { runByKey } from "../../../src/edge/upstream/by-key.ts";
import { turns } from "../../ingestion/rig.ts";

/** Runs that end when they are told to. */
function held() {
  const begun: string[] = [];
  const ends = new Map<string, { resolve(): void; reject(error: unknown): void }>();
  const run = (item: string) => {
    begun.push(item);
    return new Promise<void>((resolve, reject) => void ends.set(item, { resolve, reject }));
  };
  return { begun, ends, run };
}
const keyOf = (item: string) => item[0];

test("items of a key are in order, several keys are under way at once, and no more than may be", async () => {
  const { begun, ends, run } = held();
  const done = runByKey(["a1", "a2", "b1", "c1", "b2"], keyOf, 2, () => false, run);
  await turns();
  expect(begun).toEqual(["a1", "b1"]);
  ends.get("b1")!.resolve();
  await turns();
  expect(begun).toEqual(["a1", "b1", "b2"]);
  ends.get("b2")!.resolve();
  await turns();
  expect(begun).toEqual(["a1", "b1", "b2", "c1"]);
  for (const item of ["a1", "c1"]) ends.get(item)!.resolve();
  await turns();
  ends.get("a2")!.resolve();
  await done;
  expect(begun).toEqual(["a1", "b1", "b2", "c1", "a2"]);
});

test("after a failure nothing else is begun; what is under way is waited for", async () => {
  const { begun, ends, run } = held();
  let isDone = false;
  const done = runByKey(["a1", "b1", "c1", "a2"], keyOf, 2, () => false, run).finally(() => (isDone = true));
  done.catch(() => {});
  await turns();
  ends.get("a1")!.reject(new Error("first"));
  await turns();
  expect([begun, isDone]).toEqual([["a1", "b1"], false]);
  ends.get("b1")!.reject(new Error("second"));
  await expect(done).rejects.toThrow("first");
  expect(begun).toEqual(["a1", "b1"]);
});

test("what is over begins nothing", async () => {
  const { begun, ends, run } = held();
  let isOver = false;
  const done = runByKey(["a1", "a2"], keyOf, 8, () => isOver, run);
  isOver = true;
  ends.get("a1")!.resolve();
  await done;
  expect(begun).toEqual(["a1"]);
  await runByKey([], keyOf, 8, () => false, run);
});
