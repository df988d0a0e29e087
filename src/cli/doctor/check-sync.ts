/** How long the disk takes to make something durable: what every acknowledgement waits for. */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../model/errors.ts";
import { findings, type Finding } from "./finding.ts";

const SYNCS = 20;
const PAGE_BYTES = 4_096;
/** It is not gone on with after so long. */
const BUDGET_MS = 5_000;
const SLOW_MEDIAN_MS = 20;
const SLOW_MAX_MS = 1_000;

/** Writes a file of some pages, and removes it. */
export function checkSync(place: string): Finding[] {
  try {
    return [judgeSync(syncTimesMs(place))];
  } catch (error) {
    const text = `nothing can be written in ${place}: ${messageOf(error)}`;
    return [findings("sync").problem(text, "see directory and disk above")];
  }
}

export function judgeSync(timesMs: readonly number[]): Finding {
  const { ok, warning } = findings("sync");
  const sorted = timesMs.toSorted((a, b) => a - b);
  const [median, most] = [sorted[sorted.length >> 1], sorted.at(-1)!];
  const text = `a sync takes ${median.toFixed(2)} ms, ${most.toFixed(2)} ms at most of ${sorted.length}`;
  if (median < SLOW_MEDIAN_MS && most < SLOW_MAX_MS) return ok(text);
  const advice = 'use a faster disk, send larger batches, or see store.profile = "flash"';
  return warning(`${text}: senders wait that long for each acknowledgement`, advice);
}

function syncTimesMs(place: string): number[] {
  const path = join(place, `.watchpost-doctor-${process.pid}`);
  const fd = openSync(path, "wx", 0o600);
  const timesMs: number[] = [];
  try {
    const page = Buffer.alloc(PAGE_BYTES, 1);
    const endMs = performance.now() + BUDGET_MS;
    for (let i = 0; i < SYNCS && (i === 0 || performance.now() < endMs); i++) {
      writeSync(fd, page);
      const startedMs = performance.now();
      fdatasyncSync(fd);
      timesMs.push(performance.now() - startedMs);
    }
    return timesMs;
  } finally {
    closeSync(fd);
    rmSync(path, { force: true });
  }
}
