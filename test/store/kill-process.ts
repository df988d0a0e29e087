/**
 * Writes to a log and a store in one folder until it is killed: `kill-process.ts DIR SEED`. Prints "acked SEQ" for every
 * record that its log holds. Log segments go when the store says that they are sealed, as the log worker lets them go.
 */
import { appendFileSync, readdirSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { segmentHeader, segmentName, firstSeqOf } from "../../src/log/segment.ts";
import { sealRecord } from "../../src/log/record.ts";
import { systemClock } from "../../src/model/system-clock.ts";
import { Store } from "../../src/store/store.ts";
import { NOVEMBER_US, randomOf, recordOf, SHORTEST_SLICE, type Point } from "./harness.ts";

const RECORDS_A_SEGMENT = 5;
export const SERIES = 25;

/** What record `seq` holds, whoever asks. Every time is written once, in the order of nothing. */
export function pointsOf(seq: number): Point[] {
  const random = randomOf(seq);
  return Array.from({ length: 40 }, (_, i) => {
    const timeUs = NOVEMBER_US + ((seq * 7919) % 9000) * 1000e6 + seq * 1000 + i;
    return [1 + Math.floor(random() * SERIES), timeUs, Math.floor(random() * 1e6) / 100];
  });
}

export function segmentsIn(dir: string): string[] {
  const names = readdirSync(dir).filter((name) => firstSeqOf(name) !== undefined);
  return names.sort().map((name) => join(dir, name));
}

/** Removes the segments that hold nothing after a sequence, but the newest, as the log worker does. */
export function release(dir: string, throughSeq: number): void {
  const segments = segmentsIn(dir);
  segments.slice(0, -1).forEach((path, i) => {
    if (firstSeqOf(segments[i + 1].split("/").at(-1)!)! <= throughSeq + 1) rmSync(path);
  });
}

/** The sequence that follows everything the folder has taken. The newest segment is never removed. */
export function nextSeqOf(dir: string, absorbedSeq: number): number {
  const newest = segmentsIn(dir).at(-1);
  return Math.max(absorbedSeq + 1, newest === undefined ? 1 : firstSeqOf(newest.split("/").at(-1)!)!);
}

if (import.meta.main) {
  const [dir, seed] = process.argv.slice(2);
  const random = randomOf(Number(seed));
  const { store } = Store.open({ dir, segments: segmentsIn(dir), headPointsMax: 600 }, systemClock, {
    onSealed: ({ throughSeq }) => release(dir, throughSeq),
    onDropped() {},
    onDamage: fail,
    onTrouble: fail,
    onWork() {},
  });
  let seq = nextSeqOf(dir, store.stats().absorbedSeq) - 1;
  let segment = "";
  let maintenance = store.maintain(SHORTEST_SLICE);
  for (;;) {
    seq++;
    if (segment === "" || seq % RECORDS_A_SEGMENT === 0) {
      segment = join(dir, segmentName(seq));
      writeFileSync(segment, segmentHeader(seq));
    }
    const record = recordOf(seq, pointsOf(seq));
    sealRecord(record);
    appendFileSync(segment, new Uint8Array(record));
    writeSync(1, `acked ${seq}\n`);
    store.absorb(record);
    if (random() < 0.02) store.compact().catch(() => {});
    for (let i = Math.floor(random() * 40); i > 0; i--) {
      if (maintenance.next().done) maintenance = store.maintain(SHORTEST_SLICE);
    }
  }
}

function fail(sentence: string): void {
  throw new Error(sentence);
}
