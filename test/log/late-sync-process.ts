/**
 * `late-sync-process.ts DIR MODE`: a log with a sync interval. `fail`: its second sync fails when it is due, and it is
 * opened again; says as JSON what was told. `crash`: ends without a word after three records.
 */
import { Log } from "../../src/log/log.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { readSegment, recordOf } from "./harness.ts";

export interface LateSyncReport {
  readonly told: readonly string[];
  /** Status and message of the append after the failed sync. */
  readonly refused: readonly string[];
  readonly toldAfter: number;
  readonly found: readonly number[];
}

export const INTERVAL_MS = 5_000;
const [dir, mode] = process.argv.slice(2);

if (import.meta.main) {
  const clock = new ManualClock();
  const told: string[] = [];
  const options = { dir, segmentBytesMax: 1 << 20, syncIntervalMs: INTERVAL_MS };
  const { log } = Log.open(options, clock, (sentence) => told.push(sentence));
  log.append(recordOf(0, [0], [{ id: 1, key: "m\0s" }]));
  log.append(recordOf(1, [1]));
  log.append(recordOf(2, [2]));
  if (mode === "crash") process.exit(0);
  clock.advance(INTERVAL_MS);
  const toldBefore = [...told];
  const refused: string[] = [];
  try {
    log.append(recordOf(3, [3]));
  } catch (error) {
    const { status, message } = error as { status: string; message: string };
    refused.push(status, message);
  }
  const next = log.reopen();
  log.append(recordOf(next, [4]));
  clock.advance(INTERVAL_MS);
  const { unsyncedBytes } = log.stats();
  if (unsyncedBytes !== 0) throw new Error(`${unsyncedBytes} bytes are not synced`);
  log.close();
  const { log: again, opened } = Log.open(options, clock);
  const found = opened.segments.flatMap((path) => readSegment(path).records.flatMap(({ values }) => values));
  again.close();
  const report: LateSyncReport = { told: toldBefore, refused, toldAfter: told.length - toldBefore.length, found };
  console.log(JSON.stringify(report));
}
