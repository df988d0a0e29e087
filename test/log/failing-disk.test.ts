/** Writes and syncs that fail under the log and its state: what was taken is there, what was refused is not. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { segmentName } from "../../src/log/segment.ts";
import { reportOf, TRACER, underFault } from "../support/failing-calls.ts";
import { testNeeding } from "../support/needs.ts";
import { tempDir } from "../support/server-process.ts";
import type { LogFaultReport } from "./fault-process.ts";

const CHILD = join(import.meta.dir, "fault-process.ts");
const SEGMENTS = Array.from({ length: 150 }, (_, seq) => segmentName(seq));
const STATE = ["state.db", "state.db-wal"];

/** Segments released early may be there still, or again: they are only read once more. */
function expectKept({ taken, found, seriesMissing, damage }: LogFaultReport): void {
  const from = taken[0];
  expect(found.filter((seq) => seq >= from)).toEqual([...taken]);
  expect(seriesMissing).toEqual([]);
  expect(damage).toEqual([]);
}

const FAULTS: [fault: string, files: string[]][] = [
  ["pwrite64:error=EIO:when=1..40+3", SEGMENTS],
  ["pwrite64:error=ENOSPC:when=10..24", SEGMENTS],
  ["fsync:error=EIO:when=1..30+4", SEGMENTS],
  ["fdatasync:error=EIO:when=2..40+5", SEGMENTS],
  ["fdatasync:error=EIO:when=5..9", SEGMENTS],
  ["ftruncate:error=EIO:when=1+2", SEGMENTS],
  ["unlink,unlinkat:error=EIO:when=1..8+2", SEGMENTS],
  ["pwrite64:error=EIO:when=3..60+4", STATE],
  ["pwrite64:error=ENOSPC:when=8..20", STATE],
  ["fsync,fdatasync:error=EIO:when=3..30+3", STATE],
];

for (const [fault, files] of FAULTS) {
  testNeeding(TRACER)(`failing calls on ${files === STATE ? "the state" : "segments"}: ${fault}`, async () => {
    using dir = tempDir("log-faults");
    const paths = files.map((name) => join(dir.path, name));
    const report = await reportOf<LogFaultReport>(underFault(fault, paths, [process.execPath, CHILD, dir.path]));
    expectKept(report);
    if (!/^(ftruncate|unlink)/.test(fault)) expect(report.trouble.length).toBeGreaterThan(0);
  });
}

test("the faults are met by the child at all: without any there is no trouble", async () => {
  using dir = tempDir("log-faults");
  const report = await reportOf<LogFaultReport>([process.execPath, CHILD, dir.path]);
  expectKept(report);
  expect(report.trouble).toEqual([]);
  expect(report.taken.length).toBeGreaterThan(5);
});
