/**
 * A copy of `state.db` as an older version wrote it, made before anything of it is changed. It names the series of that time:
 * with files of points that have later ones it is no way back.
 */
import type { Database } from "bun:sqlite";
import { renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../model/errors.ts";
import { noRoomIn, START_BYTES } from "./disk-room.ts";

/** Throws, in words, where there is no room for it: then nothing was changed. Returns its path. */
export function copyBeforeUpgrade(database: Database, directory: string, version: number): string {
  const path = join(directory, `state.format-${version}.db`);
  const unfinished = `${path}.unfinished`;
  try {
    // One of before may be of a time that was gone back to since.
    for (const old of [path, unfinished]) rmSync(old, { force: true });
    database.query("VACUUM INTO ?").run(unfinished);
    renameSync(unfinished, path);
  } catch (error) {
    removeFile(unfinished);
    const why = noRoomIn(directory, error, bytesOf(database) + START_BYTES) ?? messageOf(error);
    throw new Error(`before it is upgraded from format ${version} a copy is made, ${path}, and that failed: ${why}`);
  }
  return path;
}

/** Whether a file is such a copy, by its name. */
export function isStateCopy(name: string): boolean {
  return /^state\.format-\d+\.db$/.test(name);
}

/** What the copy takes. */
function bytesOf(database: Database): number {
  return statSync(database.filename).size;
}

/** Half a copy keeps the disk full; where it cannot be removed something else is wrong, which is said already. */
function removeFile(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {}
}
