/** Makes a data directory of a backup: all of it, or nothing. */
import { closeSync, existsSync, fsyncSync, openSync, readdirSync, realpathSync, renameSync } from "node:fs";
import { rmdirSync, rmSync, statSync, writeSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { syncDirectory } from "../log/segment.ts";
import { StateDb } from "../log/state-db.ts";
import { parseDocuments, parseEntries } from "../model/backup-journal.ts";
import { hasShared, isDataFile, isDocumentsFile, isJournalFile, isSeriesFile } from "../model/backup-manifest.ts";
import { nameInShared } from "../model/backup-manifest.ts";
import { RETIRED_NAME, STATE_NAME, type BackupFile } from "../model/backup-manifest.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import type { ArchiveChain } from "./archive-chain.ts";

export interface RestoreOptions {
  /** Hears of bytes as they are written. */
  onBytes?(bytes: number): void;
  /** Lets others run, and ends the work by throwing. */
  pause?(): Promise<void>;
  /**
   * Where it is given, period files that are not as they were backed up are taken as they are, and named: blocks have
   * checksums of their own, and what is whole is served.
   */
  onDamaged?(sentence: string): void;
}

/** Where the journal is that several nodes share. */
const SHARED = "shared";

/**
 * Restores the last backup of a chain into a directory that is empty or not there. Everything is checked and synced
 * under another name beside it first, then gets its name. Throws FAILED_PRECONDITION where the directory cannot be used
 * or a backup is missing, DATA_LOSS where one is damaged and that is not to be looked past; nothing is left behind then.
 */
export async function restore(chain: ArchiveChain, dir: string, options: RestoreOptions = {}): Promise<void> {
  const target = targetOf(dir);
  const places = chain.manifest.files.map((file) => ({ file, archive: chain.archiveOf(file) }));
  const unfinished = join(dirname(target), `.${basename(target)}.restoring`);
  rmSync(unfinished, { recursive: true, force: true });
  let finished = false;
  try {
    const state = StateDb.open(unfinished);
    const shared = hasShared(chain.manifest) ? StateDb.open(join(unfinished, SHARED)) : undefined;
    try {
      for (const { file, archive } of places) {
        const pieces = archive.pieces(file);
        if (isDataFile(file.name)) await writeFile(join(unfinished, file.name), file.bytes, pieces, options);
        else takeState(state, shared, file, Buffer.concat([...pieces]).toString("utf8"));
      }
      state.journal.removeTrimmed();
      // What was committed after the backup is not in it: who has seen that cannot go on from there.
      state.journal.beginEpoch();
      // No sequence that a stored block names may be given again.
      state.set("next_seq", Math.max(chain.manifest.nextSeq, state.number("next_seq") ?? 0));
      state.set("clean", 1);
      shared?.journal.removeTrimmed();
      // Other nodes may have gone on with it: whether it begins another epoch is found when it is opened.
      shared?.journal.noteRestored();
      shared?.set("clean", 1);
    } finally {
      state.close();
      shared?.close();
    }
    if (shared !== undefined) syncDirectory(join(unfinished, SHARED));
    syncDirectory(unfinished);
    if (existsSync(target)) rmdirSync(target);
    renameSync(unfinished, target);
    syncDirectory(dirname(target));
    finished = true;
  } finally {
    if (!finished) rmSync(unfinished, { recursive: true, force: true });
  }
}

/** Puts what a file of series, of deleted ones, of a journal or of the small state holds into its `state.db`. */
function takeState(own: StateDb, shared: StateDb | undefined, { name: fileName }: BackupFile, text: string): void {
  const sharedName = nameInShared(fileName);
  const state = sharedName === undefined ? own : shared!;
  const name = sharedName ?? fileName;
  try {
    if (isSeriesFile(name)) state.addSeries((JSON.parse(text) as [number, string][]).map(([id, key]) => ({ id, key })));
    if (name === RETIRED_NAME) {
      const retired = Uint32Array.from(JSON.parse(text) as number[]);
      if (retired.length > 0) state.retire(retired);
    }
    if (isJournalFile(name)) state.journal.put(parseEntries(text), []);
    if (isDocumentsFile(name)) state.journal.put([], parseDocuments(text));
    if (name !== STATE_NAME) return;
    for (const [key, value] of Object.entries(JSON.parse(text) as Record<string, number>)) state.set(key, value);
  } catch (error) {
    throw new WatchpostError("DATA_LOSS", `${fileName} of the backup cannot be read: ${messageOf(error)}`);
  }
}

/** The directory by its real name. */
function targetOf(dir: string): string {
  if (!existsSync(dir)) return resolve(dir);
  const target = realpathSync(dir);
  if (!statSync(target).isDirectory()) throw refusal(target, "it is no directory");
  const [first, ...others] = readdirSync(target).sort();
  if (first !== undefined) {
    const more = others.length === 0 ? "" : ` and ${others.length} more`;
    throw refusal(target, `it is not empty: ${first}${more}; name an empty or a missing one`);
  }
  if (statSync(target).dev !== statSync(dirname(target)).dev) {
    throw refusal(target, "it is a mount point, which cannot be replaced at once; name a directory in it");
  }
  return target;
}

function refusal(dir: string, why: string): WatchpostError {
  return new WatchpostError("FAILED_PRECONDITION", `cannot restore into ${dir}: ${why}`);
}

async function writeFile(
  path: string,
  bytes: number,
  pieces: Iterable<Uint8Array>,
  { onBytes, pause, onDamaged }: RestoreOptions,
): Promise<void> {
  const fd = openSync(path, "wx", 0o600);
  let taken = 0;
  try {
    try {
      for (const piece of pieces) {
        for (let written = 0; written < piece.length;) written += writeSync(fd, piece, written);
        taken += piece.length;
        onBytes?.(piece.length);
        await pause?.();
      }
    } catch (error) {
      const isDamage = error instanceof WatchpostError && error.status === "DATA_LOSS" && taken === bytes;
      if (!isDamage || onDamaged === undefined) throw error;
      onDamaged(error.message);
    }
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
