/** Opens a database that nobody has open, without writing a byte beside it. */
import { constants, Database } from "bun:sqlite";
import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";

/** What a crash may leave beside a database: parts of it, or of what it was before. */
const SIDE_FILES = ["-journal", "-wal"];

export interface OfflineDatabase extends Disposable {
  readonly database: Database;
}

/** Where a crash left something to recover, that happens in a copy. Throws what SQLite says of a file that is none. */
export function openOffline(path: string): OfflineDatabase {
  const left = SIDE_FILES.filter((suffix) => (statSync(path + suffix, { throwIfNoEntry: false })?.size ?? 0) > 0);
  if (left.length === 0) {
    const flags = constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI;
    const database = new Database(`${pathToFileURL(path).href}?immutable=1`, flags);
    return { database, [Symbol.dispose]: () => database.close() };
  }
  const dir = mkdtempSync(join(tmpdir(), "watchpost-verify-"));
  const remove = () => rmSync(dir, { recursive: true, force: true });
  try {
    const copy = join(dir, basename(path));
    for (const suffix of ["", ...left]) copyFileSync(path + suffix, copy + suffix);
    const database = new Database(copy, { readwrite: true, create: false });
    return {
      database,
      [Symbol.dispose]() {
        database.close();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

/** Whether another process has the database and keeps it to itself. Creates nothing. */
export function isTaken(path: string): boolean {
  if (!existsSync(path)) return false;
  try {
    const database = new Database(path, { readonly: true });
    try {
      // What a read-only connection asks so is refused in any case, with a different word when it is taken.
      database.run("PRAGMA locking_mode = EXCLUSIVE");
      database.query("SELECT count(*) FROM sqlite_schema").get();
      return false;
    } finally {
      database.close();
    }
  } catch (error) {
    return /^SQLITE_(BUSY|LOCKED)/.test((error as { code?: string }).code ?? "");
  }
}

/** In words what SQLite finds wrong with the structure of a database; [] for nothing. */
export function structureDamage(database: Database, max = 10): string[] {
  try {
    const rows = database.query(`PRAGMA integrity_check(${max})`).all() as { integrity_check: string }[];
    return rows.map((row) => row.integrity_check).filter((text) => text !== "ok");
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}
