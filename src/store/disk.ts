/** What the data directory takes of its disk, and what is left of that. */
import { readdirSync, statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { DiskState } from "./retention-plan.ts";

/** Tests bring their own. */
export type LookAtDisk = (dir: string) => DiskState;

/** Files that vanish meanwhile count as gone. Throws what the system says where the directory cannot be read. */
export const diskStateOf: LookAtDisk = (dir) => {
  const { bavail, blocks, bsize } = statfsSync(dir);
  let usedBytes = 0;
  for (const name of readdirSync(dir, { recursive: true, encoding: "utf8" })) {
    const found = statSync(join(dir, name), { throwIfNoEntry: false });
    if (found?.isFile()) usedBytes += found.size;
  }
  return { usedBytes, freeBytes: bavail * bsize, totalBytes: blocks * bsize };
};
