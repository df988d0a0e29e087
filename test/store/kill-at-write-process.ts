/**
 * Writes to a log and a store in one folder, the same every time: `kill-at-write-process.ts DIR`. Prints "acked SEQ" for every
 * record that its log holds. Seals over two months, merges, and lets go of log segments as the log worker does.
 */
import { appendFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { sealRecord } from "../../src/log/record.ts";
import { segmentHeader, segmentName } from "../../src/log/segment.ts";
import { DECEMBER_US, NOVEMBER_US, openStore, recordOf, type Point } from "./harness.ts";
import { release } from "./kill-process.ts";

export const RECORDS = 6;
export const SERIES = 3;
const POINTS = 8;
const RECORDS_A_SEGMENT = 4;

/** What record `seq` holds: every third one points of November alone, the others of December, too. Every time once. */
export function pointsOf(seq: number): Point[] {
  return Array.from({ length: POINTS }, (_, i) => {
    const month = i % 2 === 0 || seq % 3 === 0 ? NOVEMBER_US : DECEMBER_US;
    return [1 + (i % SERIES), month + ((seq * 5) % 7) * 3600e6 + seq * 1000 + i, seq + i / 10];
  });
}

if (import.meta.main) {
  const dir = process.argv[2];
  using open = openStore({ dir, rowPointsMin: 1 });
  let segment = "";
  for (let seq = 1; seq <= RECORDS; seq++) {
    if (segment === "" || seq % RECORDS_A_SEGMENT === 0) {
      segment = join(dir, segmentName(seq));
      writeFileSync(segment, segmentHeader(seq));
    }
    const record = recordOf(seq, pointsOf(seq));
    sealRecord(record);
    appendFileSync(segment, new Uint8Array(record));
    writeSync(1, `acked ${seq}\n`);
    open.store.absorb(record);
    if (seq % 3 !== 0) continue;
    open.seal();
    release(dir, open.sealed.at(-1)!);
    if (seq === RECORDS) open.compact();
  }
}
