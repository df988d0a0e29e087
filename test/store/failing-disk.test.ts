/** A disk that is full or fails while period files are written: nothing is lost, it is told, it is tried again. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { reportOf, TRACER, underFault } from "../support/failing-calls.ts";
import { testNeeding, working } from "../support/needs.ts";
import type { FaultReport } from "./fault-process.ts";
import {} from "./harness.ts";
import { tempDir } from "../support/server-process.ts";

const CHILD = join(import.meta.dir, "fault-process.ts");
const MOUNT = ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=1m tmpfs /mnt"];

testNeeding([working("leave to mount a tmpfs", MOUNT)])(
  "ENOSPC in making, sealing and merging period files",
  async () => {
    using folder = tempDir("store");
    const inTmpfs = `mount -t tmpfs -o size=4m tmpfs ${folder.path} && exec ${process.execPath} ${CHILD} full ${folder.path}`;
    const { trouble, damage, wrong, sealedSeq, files } = await reportOf<FaultReport>([
      "unshare",
      "-m",
      "sh",
      "-c",
      inTmpfs,
    ]);
    expect(wrong).toEqual([]);
    expect(damage).toEqual([]);
    expect(sealedSeq).toBe(0);
    expect(trouble.length).toBeGreaterThanOrEqual(4);
    for (const sentence of trouble) expect(sentence).toMatch(/points-2026-11\.db.*(full|cannot be made|ENOSPC)/);
    expect(files.filter((name) => name.endsWith(".db"))).toEqual(["points-2026-11.db"]);
  },
  120_000,
);

/** Which calls on the file and its journal fail, counted from the first; each sealing makes several. */
const FAULTS = [
  "pwrite64:error=EIO:when=1..30+7",
  "pwrite64:error=EIO:when=40..60",
  "pwrite64:error=ENOSPC:when=30..90+11",
  "fsync,fdatasync:error=EIO:when=1..9+3",
  "fsync,fdatasync:error=EIO:when=5..12",
  "ftruncate:error=EIO:when=2+3",
  // Of the first seal and of a later one, the call after its transaction stands.
  "fsync:error=EIO:when=10",
  "fsync:error=EIO:when=14",
];

function command(fault: string, dir: string): string[] {
  const paths = ["", ".new", "-journal", ".new-journal"].map((end) => join(dir, `points-2026-11.db${end}`));
  return underFault(fault, paths, [process.execPath, CHILD, "io", dir]);
}

for (const fault of FAULTS) {
  testNeeding(TRACER)(
    `failing system calls while sealing and merging: ${fault}`,
    async () => {
      using folder = tempDir("store");
      const report = await reportOf<FaultReport>(command(fault, folder.path));
      const { trouble, damage, wrong, sealedSeq, stored, given } = report;
      expect(wrong).toEqual([]);
      expect(stored).toBe(given);
      expect(sealedSeq).toBe(0);
      expect(trouble.length).toBeGreaterThan(0);
      expect(damage).toEqual([]);
    },
    120_000,
  );
}

testNeeding(TRACER)(
  "what cannot be read for a while is named, and served when it can be read again",
  async () => {
    using folder = tempDir("store");
    const { damage, wrong, sealedSeq } = await reportOf<FaultReport>(
      command("pread64:error=EIO:when=60..64", folder.path),
    );
    expect(damage).toContainEqual(expect.stringContaining("points-2026-11.db"));
    expect(wrong.length).toBeGreaterThan(0);
    expect(wrong).not.toContain("at the end");
    expect(sealedSeq).toBe(0);
  },
  120_000,
);

test("the faults are met by the child at all: without any there is no trouble", async () => {
  using folder = tempDir("store");
  const { trouble, damage, wrong, sealedSeq } = await reportOf<FaultReport>([
    process.execPath,
    CHILD,
    "io",
    folder.path,
  ]);
  expect({ trouble, damage, wrong, sealedSeq }).toEqual({ trouble: [], damage: [], wrong: [], sealedSeq: 0 });
});
