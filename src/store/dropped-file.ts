/**
 * Removes a period file for good. A part that goes before later ones of its period leaves its name behind with an empty
 * file, so that it is not taken for lost. The name changes first: what a crash leaves of the rest is done at opening.
 */
import { existsSync, renameSync, rmSync, truncateSync } from "node:fs";
import { dirname } from "node:path";
import { syncDirectory } from "../log/segment.ts";

export const DROPPED_SUFFIX = ".dropped";

/** Needs no room on the disk. Throws where the system does not let the file go; it may be called again then. */
export function dropFile(path: string, leavesName: boolean): void {
  if (leavesName) renameIfPossible(path, path + DROPPED_SUFFIX);
  rmSync(path, { force: true });
  emptyDropped(path + DROPPED_SUFFIX);
  rmSync(`${path}-journal`, { force: true });
  syncDirectory(dirname(path));
}

/** What is left under a dropped name gives its space back. */
export function emptyDropped(path: string): void {
  if (existsSync(path)) truncateSync(path, 0);
}

/** A full disk may have no room for the longer name: without it the file is reported missing, once it is gone. */
function renameIfPossible(path: string, to: string): void {
  try {
    renameSync(path, to);
  } catch {
    // It is gone by its own name then, or goes next.
  }
}
