/** What alerts find out from what is stored, asked of a real store. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { storedHistory } from "../../src/alerts/stored-history.ts";
import { StoreClient } from "../../src/store/store-client.ts";
import { recordOf, type Point } from "../store/harness.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { tempDir } from "../support/server-process.ts";

const ENTRY = join(import.meta.dir, "../../src/thread.ts");
const HOUR_MS = 3_600_000;
const NOON_MS = Date.UTC(2026, 10, 3, 12);

/** From a time to another, so far apart. */
function regular(id: number, fromMs: number, toMs: number, gapMs: number): Point[] {
  return Array.from({ length: (toMs - fromMs) / gapMs }, (_, i): Point => [id, (fromMs + i * gapMs) * 1_000, 1]);
}

test("usual gaps go by the time in which there was a series: of one that is young, too", async () => {
  using folder = tempDir("stored-history");
  const { store } = await StoreClient.open((role) => new Worker(ENTRY, { workerData: { role } }), {
    segments: [],
    dir: folder.path,
  });
  await using _store = { [Symbol.asyncDispose]: () => store.close() };
  const points = [
    ...regular(1, NOON_MS - 48 * HOUR_MS, NOON_MS, 60_000),
    ...regular(2, NOON_MS - HOUR_MS, NOON_MS, 10_000),
    // Of yesterday, with a break until now.
    ...regular(3, NOON_MS - 36 * HOUR_MS, NOON_MS - 12 * HOUR_MS, 60_000),
    ...regular(4, NOON_MS - HOUR_MS, NOON_MS, HOUR_MS),
    ...regular(5, NOON_MS - 96 * HOUR_MS, NOON_MS - 95 * HOUR_MS, 60_000),
  ];
  store.absorb(recordOf(1, points));
  const trouble: string[] = [];
  const history = storedHistory(store, new ManualClock(NOON_MS), (sentence) => trouble.push(sentence));
  const ids = Uint32Array.of(1, 2, 3, 4, 5, 6);
  const gapsMs = await history.usualGapsMs(ids, await history.firstTimes(ids));
  expect([...gapsMs]).toEqual([60_000, 10_000, 60_000, NaN, NaN, NaN]);
  expect(trouble).toEqual([]);
});
