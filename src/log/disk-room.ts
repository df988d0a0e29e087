/** What is said where a start fails since the disk is full. */
import { statfsSync } from "node:fs";
import { formatByteSize } from "../model/byte-size.ts";
import { isDiskFull } from "../model/errors.ts";

/** Of a new data directory: `state.db` with its write-ahead log, and the first segment. */
export const START_BYTES = 1024 * 1024;

/**
 * Why a directory has no room for `wantedBytes`, and what to do; undefined where that is not what `error` is about. Of a file that SQLite
 * cannot make since there is no room for its name it says that it cannot be opened.
 */
export function noRoomIn(directory: string, error: unknown, wantedBytes = START_BYTES): string | undefined {
  const { bavail, blocks, bsize, files, ffree } = statfsSync(directory);
  const [free, all] = [bavail * bsize, blocks * bsize];
  const { code } = (error ?? {}) as { code?: unknown };
  if (!isDiskFull(error) && (code !== "SQLITE_CANTOPEN" || (free > 0 && ffree > 0))) return undefined;
  if (files > 0 && ffree === 0) return `its disk can hold no more files, all ${files} are in use; remove some`;
  const wanted = `wanted ${formatByteSize(wantedBytes)}`;
  if (free >= wantedBytes) return `this user may use no more of its disk (a quota), ${wanted}; make room`;
  return `its disk is full: ${formatByteSize(free)} of ${formatByteSize(all)} are free, ${wanted}; make room`;
}
