/** Checks `state.db`: every series by its checksum, deleted ones, the journal, and the small state by what it may be. */
import type { Database } from "bun:sqlite";
import { messageOf } from "../model/errors.ts";
import { parseSeriesKey, seriesKey } from "../model/series-key.ts";
import { retiredCrc, seriesCrc, STATE_VERSION } from "./state-db.ts";
import { verifyJournal, type VerifiedJournal } from "./verify-journal.ts";

export interface VerifiedState {
  readonly seriesIds: ReadonlySet<number>;
  /** Ids of deleted series. */
  readonly retired: Set<number>;
  readonly nextSeq: number;
  /** A crash may have taken records that were acknowledged before they were synced; their sequences are not given again. */
  readonly mayLackRecords: boolean;
  readonly journal: VerifiedJournal;
}

const NO_JOURNAL: VerifiedJournal = { entries: 0, documents: 0 };

/**
 * Yields between bounded pieces of work, but for the series. `onDamage` hears a sentence for each thing that is damaged.
 * Throws what SQLite says where it cannot be read.
 */
export function* verifyState(database: Database, onDamage: (what: string) => void): Generator<void, VerifiedState> {
  const { user_version: version } = database.query("PRAGMA user_version").get() as { user_version: number };
  if (version < 1 || version > STATE_VERSION) {
    throw new Error(`it has format ${version}, this Watchpost knows up to ${STATE_VERSION}`);
  }
  const columns = version < 3 ? "id, key, NULL AS crc" : "id, key, crc";
  const seriesIds = new Set<number>();
  const idByKey = new Map<string, number>();
  const rows = database.query(`SELECT ${columns} FROM series ORDER BY id`).all() as {
    id: number;
    key: string;
    crc: number | null;
  }[];
  for (const { id, key, crc } of rows) {
    seriesIds.add(id);
    if ((version >= 3 && crc !== seriesCrc({ id, key })) || !isCanonical(key)) {
      onDamage(`series ${id}: its name does not match its checksum; its points are served under a name that says so`);
      continue;
    }
    const other = idByKey.get(key);
    if (other !== undefined) onDamage(`series ${id} has the name of series ${other}`);
    idByKey.set(key, id);
  }
  const meta = database.query("SELECT key, value FROM meta").all() as { key: string; value: unknown }[];
  const state = new Map(meta.map(({ key, value }) => [key, value]));
  const nextSeq = state.get("next_seq") ?? 0;
  if (!Number.isSafeInteger(nextSeq) || (nextSeq as number) < 0) onDamage(`next_seq is ${String(nextSeq)}`);
  const clean = state.get("clean") ?? 0;
  if (clean !== 0 && clean !== 1) onDamage(`clean is ${String(clean)}; wanted 0 or 1`);
  const retired = version === 1 ? new Set<number>() : retiredIn(database, version, seriesIds, onDamage);
  const mayLackRecords = clean === 0 && Number(state.get("sync_interval_ms") ?? 0) > 0;
  let journal = NO_JOURNAL;
  try {
    if (version >= 4) journal = yield* verifyJournal(database, state, onDamage);
  } catch (error) {
    onDamage(`the journal cannot be read: ${messageOf(error)}`);
  }
  return { seriesIds, retired, nextSeq: Number(nextSeq), mayLackRecords, journal };
}

function retiredIn(
  database: Database,
  version: number,
  seriesIds: ReadonlySet<number>,
  onDamage: (what: string) => void,
): Set<number> {
  const retired = new Set<number>();
  const columns = version < 3 ? "ids, cleaned, NULL AS crc" : "ids, cleaned, crc";
  const rows = database.query(`SELECT ${columns} FROM retired`).all() as {
    ids: Uint8Array;
    cleaned: number;
    crc: number | null;
  }[];
  for (const { ids, cleaned, crc } of rows) {
    if (!(ids instanceof Uint8Array) || (version >= 3 && retiredCrc({ ids, cleaned }) !== crc)) {
      onDamage("ids of deleted series do not match their checksum; these series may come back");
      continue;
    }
    const view = new DataView(ids.buffer, ids.byteOffset, ids.length);
    for (let at = 0; at < ids.length; at += 4) {
      const id = view.getUint32(at, true);
      retired.add(id);
      if (cleaned === 1 && seriesIds.has(id)) onDamage(`series ${id} is deleted, and still there`);
    }
  }
  return retired;
}

function isCanonical(key: unknown): boolean {
  if (typeof key !== "string") return false;
  const { metric, source, tags } = parseSeriesKey(key);
  return metric !== "" && seriesKey(metric, source, tags) === key;
}
