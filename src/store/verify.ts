/** `verify`: everything that a data directory or a backup holds is read and checked; nothing is written to it. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { closeSync, openSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { isStateCopy } from "../log/copy-before-upgrade.ts";
import { verifyLog } from "../log/verify-log.ts";
import { verifyState, type VerifiedState } from "../log/verify-state.ts";
import { firstSeqOf } from "../log/segment.ts";
import { parseDocuments, parseEntries } from "../model/backup-journal.ts";
import type { VerifiedJournal } from "../log/verify-journal.ts";
import { hasShared, isDocumentsFile, isJournalFile, isSeriesFile, nameInShared } from "../model/backup-manifest.ts";
import { RETIRED_NAME, type BackupFile } from "../model/backup-manifest.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import type { BackupArchive } from "./backup-archive.ts";
import type { ArchiveChain } from "./archive-chain.ts";
import { LoggedPoints } from "./logged-points.ts";
import { isTaken, openOffline, structureDamage } from "./offline-database.ts";
import { someOf } from "./verify-block.ts";
import { isPeriodFile, verifyPeriodFile } from "./verify-file.ts";

export interface Verified {
  readonly periodFiles: number;
  readonly blocks: number;
  /** Rows in blocks, superseded ones included. */
  readonly points: number;
  readonly logRecords: number;
  /** Those that are not in blocks. */
  readonly logPoints: number;
  readonly series: number;
  readonly journalEntries: number;
  readonly documents: number;
  /** Of the journal that several nodes share; undefined: there is none. */
  readonly shared: VerifiedJournal | undefined;
  /** In words: what is no damage, and worth to know. */
  readonly notes: readonly string[];
}

type OnDamage = (sentence: string) => void;

const STATE = "state.db";
const SHARED = "shared";
const COPY = `the copy of ${STATE} from before an upgrade`;

/**
 * A data directory that no server has open. Yields between bounded pieces of work. Throws FAILED_PRECONDITION where there
 * is no data directory or a server has it.
 */
export function* verifyDirectory(dir: string, onDamage: OnDamage): Generator<void, Verified> {
  const names = namesIn(dir);
  const segments = names.filter((name) => firstSeqOf(name) !== undefined).map((name) => join(dir, name));
  const logged = new LoggedPoints();
  const log = yield* verifyLog(segments, onDamage, (frame) => logged.add(frame));
  const state = yield* stateOf(join(dir, STATE), STATE, "series have no names without it", onDamage);
  const shared = yield* sharedOf(dir, onDamage);
  const known = new Set([...(state?.seriesIds ?? []), ...log.definitions.map(({ id }) => id)]);
  const retired = state?.retired ?? new Set();
  // Without the state nothing has a name, which is said once. Points of deleted series are there until written again.
  const isKnown = (id: number) => state === null || known.has(id) || retired.has(id);
  const nameless = [...log.seriesIds].filter((id) => !isKnown(id));
  if (nameless.length > 0) onDamage(`the log has points of series without a name: ${someOf(nameless)}`);
  const files = names.filter(isPeriodFile);
  let [blocks, points, lastSeq] = [0, 0, -1];
  for (const name of files) {
    const verified = yield* verifyPeriodFile(join(dir, name), isKnown, onDamage);
    blocks += verified.blocks;
    points += verified.points;
    lastSeq = Math.max(lastSeq, verified.lastSeq);
    if (verified.pointsPeriod !== null) logged.sealed(verified.pointsPeriod, verified.lastSeq);
  }
  if (state !== null && !state.mayLackRecords && lastSeq >= Math.max(state.nextSeq, log.lastSeq + 1)) {
    onDamage(`${STATE}: next_seq is ${state.nextSeq}, and a block has sequence ${lastSeq}: it would be given again`);
  }
  const unknown = names.filter((name) => /\.db$/.test(name) && name !== STATE && !isPeriodFile(name));
  const notes = [
    ...log.notes,
    ...unknown.map((name) => `${name} is ${isStateCopy(name) ? COPY : "no file of Watchpost"}: it was not looked at`),
  ];
  const counts = { logRecords: log.records, logPoints: logged.unsealed, series: known.difference(retired).size };
  const { entries: journalEntries, documents } = state?.journal ?? { entries: 0, documents: 0 };
  return { periodFiles: files.length, blocks, points, ...counts, journalEntries, documents, shared, notes };
}

/** Every file of every archive; blocks are checked as in a data directory. Yields between bounded pieces of work. */
export function* verifyArchives(chain: ArchiveChain, onDamage: OnDamage): Generator<void, Verified> {
  const series = knownSeries(chain.last, onDamage);
  const { entries: journalEntries, documents } = yield* journalOf(
    chain.last,
    (name) => (nameInShared(name) === undefined ? name : undefined),
    onDamage,
  );
  const shared = hasShared(chain.manifest) ? yield* journalOf(chain.last, nameInShared, onDamage) : undefined;
  const isKnown = (id: number) => series === null || series.known.has(id) || series.retired.has(id);
  let [periodFiles, blocks, points] = [0, 0, 0];
  const { nextSeq } = chain.manifest;
  const dir = mkdtempSync(join(tmpdir(), "watchpost-verify-"));
  try {
    for (const archive of chain.archives) {
      for (const file of archive.own()) {
        const path = join(dir, file.name);
        if (!(yield* extract(archive, file, path, onDamage)) || !isPeriodFile(file.name)) continue;
        periodFiles++;
        const name = `${archive.path}, ${file.name}`;
        const inArchive = (sentence: string) => onDamage(`${archive.path}: ${sentence}`);
        const verified = yield* verifyPeriodFile(path, isKnown, inArchive);
        rmSync(path, { force: true });
        blocks += verified.blocks;
        points += verified.points;
        if (verified.lastSeq >= nextSeq)
          onDamage(`${name} has sequence ${verified.lastSeq}, the manifest says ${nextSeq}`);
      }
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  const given = new Set(chain.archives.map(({ manifest }) => manifest.id));
  const missing = Object.entries(chain.manifest.backups).filter(([id]) => !given.has(id));
  const notes = missing.map(([, madeAt]) => `restore needs the backup made ${madeAt} too, which was not looked at`);
  const left = chain.manifest.leftOut.map((name) => `${name} was left out when the backup was made`);
  const damaged = (chain.manifest.damaged ?? []).map((name) => `${name} was damaged when the backup was made`);
  return {
    periodFiles,
    blocks,
    points,
    logRecords: 0,
    logPoints: 0,
    series: series === null ? 0 : series.known.difference(series.retired).size,
    ...{ journalEntries, documents, shared },
    notes: [...notes, ...left, ...damaged],
  };
}

/** Returns whether all of the file is there, as it was backed up or not. */
function* extract(
  archive: BackupArchive,
  file: BackupFile,
  path: string,
  onDamage: OnDamage,
): Generator<void, boolean> {
  const fd = openSync(path, "w", 0o600);
  let taken = 0;
  try {
    for (const piece of archive.pieces(file)) {
      for (let written = 0; written < piece.length;) written += writeSync(fd, piece, written);
      taken += piece.length;
      yield;
    }
    return true;
  } catch (error) {
    if (!(error instanceof WatchpostError)) throw error;
    onDamage(error.message);
    return taken === file.bytes;
  } finally {
    closeSync(fd);
  }
}

/** Null where the series of a backup cannot be read. */
function knownSeries(archive: BackupArchive, onDamage: OnDamage): { known: Set<number>; retired: Set<number> } | null {
  const [known, retired] = [new Set<number>(), new Set<number>()];
  try {
    for (const file of archive.own()) {
      if (!isSeriesFile(file.name) && file.name !== RETIRED_NAME) continue;
      const parsed: unknown = JSON.parse(Buffer.concat([...archive.pieces(file)]).toString("utf8"));
      if (file.name === RETIRED_NAME) for (const id of parsed as number[]) retired.add(id);
      else for (const [id] of parsed as [number, string][]) known.add(id);
    }
    return { known, retired };
  } catch (error) {
    // A checksum that does not match is told when all files are looked at.
    if (!(error instanceof WatchpostError)) onDamage(`${archive.path}: its series cannot be read: ${messageOf(error)}`);
    return null;
  }
}

/**
 * What a backup holds of one journal: `nameIn` says what a file of it is called by itself, undefined of others. Yields after every
 * file.
 */
function* journalOf(
  archive: BackupArchive,
  nameIn: (name: string) => string | undefined,
  onDamage: OnDamage,
): Generator<void, VerifiedJournal> {
  let [entries, documents, lastPosition] = [0, 0, 0];
  for (const file of archive.own()) {
    const name = nameIn(file.name);
    if (name === undefined || (!isJournalFile(name) && !isDocumentsFile(name))) continue;
    const told = (why: string) => onDamage(`${archive.path}: ${file.name} ${why}`);
    try {
      const text = Buffer.concat([...archive.pieces(file)]).toString("utf8");
      if (isDocumentsFile(name)) documents += parseDocuments(text).length;
      else {
        const positions = parseEntries(text).map(({ position }) => position);
        const wrong = positions.find((position, i) => position <= (i === 0 ? lastPosition : positions[i - 1]));
        if (wrong !== undefined) told(`has entry ${wrong} where a higher one was wanted`);
        lastPosition = positions.at(-1) ?? lastPosition;
        entries += positions.length;
      }
    } catch (error) {
      // A checksum that does not match is told when all files are looked at.
      if (!(error instanceof WatchpostError)) told(`cannot be read: ${messageOf(error)}`);
    }
    yield;
  }
  return { entries, documents };
}

/** The node's copy of the journal that it shares with others; undefined where it has none. */
function* sharedOf(dir: string, onDamage: OnDamage): Generator<void, VerifiedJournal | undefined> {
  if (!existsSync(join(dir, SHARED, STATE))) return undefined;
  const remedy = `a node without ${SHARED} reads it anew from another one`;
  const state = yield* stateOf(join(dir, SHARED, STATE), `${SHARED}/${STATE}`, remedy, onDamage);
  return state?.journal ?? { entries: 0, documents: 0 };
}

/** Null where it cannot be read. `name`: what it is called. */
function* stateOf(
  path: string,
  name: string,
  consequence: string,
  onDamage: OnDamage,
): Generator<void, VerifiedState | null> {
  const told = (what: string) => onDamage(`${name}, ${what}`);
  try {
    using offline = openOffline(path);
    for (const found of structureDamage(offline.database)) onDamage(`${name} is damaged: SQLite finds: ${found}`);
    return yield* verifyState(offline.database, told);
  } catch (error) {
    onDamage(`${name} is damaged: ${messageOf(error)}; ${consequence}`);
    return null;
  }
}

function namesIn(dir: string): string[] {
  const refusal = (why: string) =>
    new WatchpostError("FAILED_PRECONDITION", `${resolve(dir)} cannot be verified: ${why}`);
  let names: string[];
  try {
    names = readdirSync(dir).sort();
  } catch (error) {
    throw refusal(messageOf(error));
  }
  if (!names.includes(STATE) && !names.some(isPeriodFile)) throw refusal("it is no data directory: it has no state.db");
  if (isTaken(join(dir, STATE))) {
    const pidFile = join(dir, "watchpost.pid");
    const holder = existsSync(pidFile) ? `process ${readFileSync(pidFile, "utf8").trim()}` : "another process";
    throw refusal(`it is in use by ${holder}; stop the server, or verify a backup of it`);
  }
  return names;
}
