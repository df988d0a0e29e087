/** Writes and syncs that fail under the journal: what was acknowledged is there, what was refused is there whole or not. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { messageOf } from "../../src/model/errors.ts";
import { reportOf, TRACER, underFault } from "../support/failing-calls.ts";
import { testNeeding, working } from "../support/needs.ts";
import { tempDir } from "../support/server-process.ts";
import type { JournalFaultReport } from "./journal-fault-process.ts";
import { eventOf, numbersOf, openJournal, upTo } from "./journal-rig.ts";

const CHILD = join(import.meta.dir, "journal-fault-process.ts");

function expectKept({ acked, refused, found, heard, documents }: JournalFaultReport): void {
  const twice = (numbers: readonly number[]) => numbers.flatMap((n) => [n, n]);
  expect(heard).toEqual(twice(acked));
  const there = [...new Set(found)];
  expect(found).toEqual(twice(there));
  expect(documents).toEqual(found as number[]);
  const tried = new Set([...acked, ...refused.map(({ n }) => n)]);
  expect(there.filter((n) => !tried.has(n))).toEqual([]);
  expect(acked.filter((n) => !there.includes(n))).toEqual([]);
  // Only the last that failed may be there: a sync that failed may have been none the less.
  expect(there.filter((n) => !acked.includes(n)).length).toBeLessThanOrEqual(1);
  for (const { retryAfterMs } of refused) expect(retryAfterMs).toBeGreaterThan(0);
}

/** Calls of the opening left out: an append writes ten times and syncs once. */
const FAULTS: [fault: string, status: string][] = [
  ["pwrite64:error=EIO:when=60..500+17", "UNAVAILABLE"],
  ["pwrite64:error=EIO:when=103..120", "UNAVAILABLE"],
  ["pwrite64:error=ENOSPC:when=60..500+13", "RESOURCE_EXHAUSTED"],
  ["pwrite64:error=ENOSPC:when=108..125", "RESOURCE_EXHAUSTED"],
  ["fsync,fdatasync:error=EIO:when=14..60+3", "UNAVAILABLE"],
  ["fsync,fdatasync:error=EIO:when=20..32", "UNAVAILABLE"],
];

for (const [fault, status] of FAULTS) {
  testNeeding(TRACER)(`failing calls: ${fault}`, async () => {
    using dir = tempDir("journal");
    const paths = ["state.db", "state.db-wal"].map((name) => join(dir.path, name));
    const report = await reportOf<JournalFaultReport>(underFault(fault, paths, [process.execPath, CHILD, dir.path]));
    expectKept(report);
    expect(report.acked.length).toBeGreaterThan(10);
    expect(report.refused.map((one) => one.status)).toContain(status);
    expect(report.acked.at(-1)).toBeGreaterThan(report.refused[0].n);
  });
}

test("without faults nothing is refused", async () => {
  using dir = tempDir("journal");
  const report = await reportOf<JournalFaultReport>([process.execPath, CHILD, dir.path]);
  expectKept(report);
  expect([report.refused, report.trouble]).toEqual([[], []]);
});

const mountable = working("leave to mount a tmpfs", ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]);
testNeeding([mountable])("a full disk refuses appends until there is room, and reading goes on", async () => {
  using dir = tempDir("journal");
  Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=1m", "none", dir.path]);
  try {
    const acked: number[] = [];
    {
      await using open = await openJournal(dir.path);
      const large = (n: number) => ({ ...eventOf(n), payload: JSON.stringify({ n, text: "x".repeat(20_000) }) });
      let failure: unknown;
      for (let n = 0; failure === undefined; n++) {
        await open.journal.append([large(n)]).then(
          () => acked.push(n),
          (error: unknown) => (failure = error),
        );
      }
      expect(failure).toMatchObject({ status: "RESOURCE_EXHAUSTED", retryAfterMs: 1_000 });
      expect(messageOf(failure)).toMatch(/^the journal cannot be written: the disk is full/);
      expect(numbersOf(await open.journal.read({ after: 0, limit: 9_999 }))).toEqual(acked);
      Bun.spawnSync(["mount", "-o", "remount,size=8m", dir.path]);
      for (const n of upTo(3, 1_000)) {
        await open.journal.append([large(n)]);
        acked.push(n);
      }
    }
    await using open = await openJournal(dir.path);
    expect(numbersOf(await open.journal.read({ after: 0, limit: 9_999 }))).toEqual(acked);
  } finally {
    Bun.spawnSync(["umount", "-l", dir.path]);
  }
});
