/** Checks `state.db`: every series by its checksum, and the small state by what it may be. */
import type { Database } from "bun:sqlite";
import { parseSeriesKey, seriesKey } from "../model/series-key.ts";
import { seriesCrc, STATE_VERSION } from "./state-db.ts";

export interface VerifiedState {
  readonly seriesIds: ReadonlySet<number>;
  readonly nextSeq: number;
}

/** `onDamage` hears a sentence for each thing that is damaged. Throws what SQLite says where it cannot be read. */
export function verifyState(database: Database, onDamage: (what: string) => void): VerifiedState {
  const { user_version: version } = database.query("PRAGMA user_version").get() as { user_version: number };
  if (version < 1 || version > STATE_VERSION) {
    throw new Error(`it has format ${version}, this Watchpost knows up to ${STATE_VERSION}`);
  }
  const columns = version === 1 ? "id, key, NULL AS crc" : "id, key, crc";
  const seriesIds = new Set<number>();
  const idByKey = new Map<string, number>();
  const rows = database.query(`SELECT ${columns} FROM series ORDER BY id`).all() as {
    id: number;
    key: string;
    crc: number | null;
  }[];
  for (const { id, key, crc } of rows) {
    seriesIds.add(id);
    if ((version > 1 && crc !== seriesCrc({ id, key })) || !isCanonical(key)) {
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
  return { seriesIds, nextSeq: Number(nextSeq) };
}

function isCanonical(key: unknown): boolean {
  if (typeof key !== "string") return false;
  const { metric, source, tags } = parseSeriesKey(key);
  return metric !== "" && seriesKey(metric, source, tags) === key;
}
