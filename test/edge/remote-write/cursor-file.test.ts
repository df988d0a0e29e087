import { expect, test } from "bun:test";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CursorFile, storedUnsentFrom } from "../../../src/edge/remote-write/cursor-file.ts";
import type { OutgoingPlace } from "../../../src/store/outgoing-protocol.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { tempDir } from "../../support/server-process.ts";

const placeOf = (seq: number): OutgoingPlace => ({ seq, block: null, chunk: null });
const WITHIN: OutgoingPlace = { seq: 7, block: { seqTo: 1e15, period: 24_310, part: 12, id: 1e9 }, chunk: 123_456 };

const open = (dir: string) => CursorFile.open(dir, new ManualClock(), () => {});

test("what was written last is there, without a close, too", async () => {
  using folder = tempDir("cursor");
  expect(storedUnsentFrom(folder.path)).toBeUndefined();
  const first = open(folder.path);
  expect(first.stored).toBeUndefined();
  first.begin(placeOf(3));
  for (const seq of [4, 5, 6]) first.write(placeOf(seq));
  first.write(WITHIN);
  const second = open(folder.path);
  expect(second.stored).toMatchObject({ place: WITHIN, isClosed: false });
  expect(storedUnsentFrom(folder.path)).toBe(7);
  second.write(placeOf(8));
  await second.close(false);
  const third = open(folder.path);
  expect(third.stored).toMatchObject({ place: placeOf(8), isClosed: false });
  await third.close(true);
  expect(open(folder.path).stored).toMatchObject({ place: placeOf(8), isClosed: true });
});

test("a write that is cut off anywhere leaves the one before", () => {
  using folder = tempDir("cursor");
  const cursor = open(folder.path);
  for (const seq of [1, 2]) cursor.write(placeOf(seq));
  const path = join(folder.path, "remote-write.cursor");
  const before = readFileSync(path);
  cursor.write(placeOf(3));
  const after = readFileSync(path);
  // The third one stands where the first one stood.
  for (let cut = 0; cut < before.length; cut++) {
    writeFileSync(path, Buffer.concat([after.subarray(0, cut), before.subarray(cut)]));
    const { stored } = open(folder.path);
    expect([2, 3]).toContain(stored!.place.seq);
  }
  writeFileSync(path, after);
  truncateSync(path, 100);
  expect(open(folder.path).stored === undefined || open(folder.path).stored!.place.seq === 2).toBe(true);
});
