/**
 * A directory in memory for what tests write: no test waits for a disk then. What is lost where power goes is tried by what
 * calls there were (test/crash/power-cut.test.ts), and a process that is killed loses as little there as on a disk.
 */
import { chmodSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const PLACE = "/dev/shm";
/** All that tests have at one time is less than half of it. */
const FREE_BYTES_MIN = 4 * 2 ** 30;

/** Undefined where there is none, it is small, as in most containers, or nothing may be run from it. */
export function memoryDirectory(place = PLACE): string | undefined {
  let directory: string | undefined;
  try {
    const { bavail, bsize } = statfsSync(place);
    if (bavail * bsize < FREE_BYTES_MIN) return undefined;
    directory = mkdtempSync(join(place, "watchpost-check-"));
    // As of any directory for temporary files: some tests are other users.
    chmodSync(directory, 0o1777);
    const program = join(directory, "program");
    writeFileSync(program, "#!/bin/sh\n");
    chmodSync(program, 0o755);
    if (Bun.spawnSync([program]).exitCode !== 0) throw new Error("nothing may be run from it");
    rmSync(program);
    return directory;
  } catch {
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
    return undefined;
  }
}
