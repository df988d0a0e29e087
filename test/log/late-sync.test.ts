/** A log whose records are synced later than they are taken. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { Log } from "../../src/log/log.ts";
import { segmentName } from "../../src/log/segment.ts";
import { reportOf, TRACER, underFault } from "../support/failing-calls.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { testNeeding } from "../support/needs.ts";
import { tempDir } from "../support/server-process.ts";
import { openLog, readSegment, recordOf } from "./harness.ts";
import { INTERVAL_MS, type LateSyncReport } from "./late-sync-process.ts";

const CHILD = join(import.meta.dir, "late-sync-process.ts");

function opened(dir: string, segmentBytesMax = 1 << 20) {
  const clock = new ManualClock();
  const { log } = Log.open({ dir, segmentBytesMax, syncIntervalMs: INTERVAL_MS }, clock);
  const unsynced = () => log.stats().unsyncedBytes;
  return { log, clock, unsynced };
}

test("records are in the file at once and synced within the interval after the first of them", () => {
  using dir = tempDir("late");
  const { log, clock, unsynced } = opened(dir.path);
  log.append(recordOf(0, [0]));
  const { byteLength } = recordOf(0, [0]);
  expect(unsynced()).toBe(byteLength);
  clock.advance(INTERVAL_MS - 1);
  log.append(recordOf(1, [1]));
  expect(unsynced()).toBe(2 * byteLength);
  const path = join(dir.path, segmentName(0));
  expect(readSegment(path).records.map(({ values }) => values)).toEqual([[0], [1]]);
  clock.advance(1);
  expect(unsynced()).toBe(0);
  expect(clock.timers).toBe(0);
  log.append(recordOf(2, [2]));
  clock.advance(INTERVAL_MS);
  expect(unsynced()).toBe(0);
  log.close();
});

test("a record that brings a series is synced before it is taken, with those before it", () => {
  using dir = tempDir("late");
  const { log, unsynced } = opened(dir.path);
  log.append(recordOf(0, [0]));
  expect(unsynced()).toBeGreaterThan(0);
  log.append(recordOf(1, [1], [{ id: 1, key: "m\0s" }]));
  expect(unsynced()).toBe(0);
  log.close();
});

test("a full segment is synced before the next begins; what is released need not be", () => {
  using dir = tempDir("late");
  const { log, clock, unsynced } = opened(dir.path, 4_096);
  for (let seq = 0; seq < 3; seq++) log.append(recordOf(seq, new Array(100).fill(seq)));
  expect(log.stats()).toMatchObject({ segments: 2 });
  expect(unsynced()).toBe(recordOf(2, new Array(100).fill(2)).byteLength);
  log.release(2);
  expect(log.stats()).toMatchObject({ segments: 0, segmentBytes: 0, unsyncedBytes: 0 });
  clock.advance(INTERVAL_MS);
  log.append(recordOf(3, [3]));
  log.close();
});

test("fewer pages are written than with a sync for each record, and counted", () => {
  const written = [0, INTERVAL_MS].map((syncIntervalMs) => {
    using dir = tempDir("late");
    const clock = new ManualClock();
    const { log } = Log.open({ dir: dir.path, segmentBytesMax: 1 << 20, syncIntervalMs }, clock);
    for (let seq = 0; seq < 64; seq++) log.append(recordOf(seq, [seq]));
    clock.advance(INTERVAL_MS);
    const { log: bytes } = log.stats().writtenBytes;
    log.close();
    return bytes;
  });
  expect(written[0]).toBeGreaterThanOrEqual(65 * 4_096);
  expect(written[1]).toBe(3 * 4_096);
});

test("after a crash all is there, and no sequence that may have been given is given again", async () => {
  using dir = tempDir("late");
  Bun.spawnSync([process.execPath, CHILD, dir.path, "crash"]);
  const { log, opened: found } = await openLog(dir.path);
  expect(found.segments.flatMap((path) => readSegment(path).records.map(({ seq }) => seq))).toEqual([0, 1, 2]);
  expect(found.nextSeq).toBeGreaterThan(1_000_000);
  await log.close();
  const { log: again, opened: after } = await openLog(dir.path);
  expect(after.nextSeq).toBe(found.nextSeq);
  await again.close();
});

testNeeding(TRACER)(
  "a sync that fails late fails the segment, is told once, and the log goes on in another",
  async () => {
    using dir = tempDir("late");
    const fault = underFault(
      "fdatasync:error=EIO:when=2",
      [join(dir.path, segmentName(0))],
      [process.execPath, CHILD, dir.path, "fail"],
    );
    const { told, refused, toldAfter, found } = await reportOf<LateSyncReport>(fault);
    const bytes = 2 * recordOf(1, [1]).byteLength;
    expect(told).toEqual([
      expect.stringMatching(new RegExp(`cannot be synced: .*EIO.*; ${bytes} bytes of acknowledged`)),
    ]);
    expect(refused).toEqual(["UNAVAILABLE", expect.stringContaining("EIO")]);
    expect(toldAfter).toBe(0);
    expect(found).toEqual([0, 1, 2, 4]);
  },
);
