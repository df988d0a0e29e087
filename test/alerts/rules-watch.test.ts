/** The rules file is followed: what is read when, and that an end waits for what is under way. */
import { expect, test } from "bun:test";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { watchFile } from "../../src/alerts/rules-watch.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { tempDir } from "../support/server-process.ts";

const LOOK_EVERY_MS = 2_000;

/** `advance` to the next look, once what the one before began is through. */
function watched(path: string) {
  const clock = new ManualClock(0);
  const calls: PromiseWithResolvers<void>[] = [];
  const end = watchFile(path, clock, () => {
    calls.push(Promise.withResolvers<void>());
    return calls.at(-1)!.promise;
  });
  const look = async () => {
    for (let i = 0; i < 5; i++) await Promise.resolve();
    clock.advance(LOOK_EVERY_MS);
  };
  return { calls, end, look };
}

test("once for each change, also of a file that is replaced or comes back, and one after the other", async () => {
  using dir = tempDir("watch");
  const path = join(dir.path, "rules.yaml");
  writeFileSync(path, "a");
  const { calls, end, look } = watched(path);
  await look();
  expect(calls).toHaveLength(0);
  writeFileSync(join(dir.path, "other"), "bb");
  renameSync(join(dir.path, "other"), path);
  await look();
  expect(calls).toHaveLength(1);
  writeFileSync(path, "ccc");
  await look();
  expect(calls).toHaveLength(1);
  calls[0].resolve();
  await look();
  expect(calls).toHaveLength(2);
  calls[1].resolve();
  rmSync(path);
  await look();
  await look();
  expect(calls).toHaveLength(2);
  writeFileSync(path, "dddd");
  await look();
  expect(calls).toHaveLength(3);
  calls[2].resolve();
  await end();
});

test("its end resolves when what is under way has ended, and nothing is read after that", async () => {
  using dir = tempDir("watch");
  const path = join(dir.path, "rules.yaml");
  writeFileSync(path, "a");
  const { calls, end, look } = watched(path);
  writeFileSync(path, "bb");
  await look();
  let isEnded = false;
  const ended = end().then(() => (isEnded = true));
  writeFileSync(path, "ccc");
  await look();
  expect({ calls: calls.length, isEnded }).toEqual({ calls: 1, isEnded: false });
  calls[0].resolve();
  await ended;
  await look();
  expect(calls).toHaveLength(1);
});
