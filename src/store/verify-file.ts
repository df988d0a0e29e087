/** Checks a period file that nobody has open: its structure, every block row, every index, unit and chunk. */
import { Database } from "bun:sqlite";
import { basename } from "node:path";
import { messageOf } from "../model/errors.ts";
import { COLUMNS, crcOfCells, SCHEMA, SELECT_BLOCKS } from "./block-row.ts";
import { openOffline, structureDamage } from "./offline-database.ts";
import { APPLICATION_ID, SCHEMA_VERSION } from "./period-file.ts";
import { periodStartUs, type Period } from "./period.ts";
import { verifyBlock, type BlockExpectations } from "./verify-block.ts";

/** Set and month of a period file of any set. */
const PERIOD_FILE = /^([a-z][a-z0-9-]*?)-(\d{4})-(\d{2})(?:\.[1-9]\d*)?\.db$/;
/** The set whose blocks hold points; others hold rollups of them, which are rows of the index alone. */
const POINTS = "points";

export interface VerifiedBlocks {
  readonly blocks: number;
  readonly points: number;
  /** Month of the points; null where it holds none of them. */
  readonly pointsPeriod: Period | null;
  /** Highest log sequence that a block names; -1 where there is none. */
  readonly lastSeq: number;
}

export function isPeriodFile(name: string): boolean {
  return PERIOD_FILE.test(name);
}

/** Yields after every block. `onDamage` hears a sentence for each thing that is damaged. */
export function* verifyPeriodFile(
  path: string,
  isKnownSeries: (id: number) => boolean,
  onDamage: (sentence: string) => void,
  name = basename(path),
): Generator<void, VerifiedBlocks> {
  const [, set, year, month] = PERIOD_FILE.exec(name)!;
  const period = (Number(year) - 1970) * 12 + Number(month) - 1;
  const expected: BlockExpectations = {
    fromUs: periodStartUs(period),
    toUs: periodStartUs(period + 1),
    holdsPoints: set === POINTS,
    isKnownSeries,
  };
  const pointsPeriod = expected.holdsPoints ? period : null;
  let verified = { blocks: 0, points: 0, lastSeq: -1 };
  try {
    using offline = openOffline(path);
    const { database } = offline;
    for (const found of structureDamage(database)) onDamage(`${name} is damaged: SQLite finds: ${found}`);
    checkSchema(database);
    verified = yield* verifyBlocks(database, expected, (sentence) => onDamage(`${name}, ${sentence}`));
    const { blocks: counted } = database.query("SELECT blocks FROM census").get() as { blocks: number };
    if (counted !== verified.blocks) throw new Error(`it counts ${counted} blocks, ${verified.blocks} are there`);
  } catch (error) {
    onDamage(`${name} is damaged: ${messageOf(error)}; points of ${verified.blocks} blocks are served`);
  }
  return { ...verified, pointsPeriod };
}

function* verifyBlocks(
  database: Database,
  expected: BlockExpectations,
  onDamage: (sentence: string) => void,
): Generator<void, Omit<VerifiedBlocks, "pointsPeriod">> {
  let [blocks, points, lastSeq] = [0, 0, -1];
  const content = database.query("SELECT idx, body FROM content WHERE id = ?");
  const rows = database.query(`${SELECT_BLOCKS} WHERE id > ? ORDER BY id LIMIT 1`);
  for (let id = -1; ;) {
    const row = rows.get(id) as Record<string, number> | null;
    if (row === null) break;
    id = row["id"];
    blocks++;
    if (crcOfCells(COLUMNS.map((column) => row[column])) !== row["crc"]) {
      onDamage(`block ${id}: its row does not match its checksum; its points are not served`);
    } else {
      if (expected.holdsPoints) points += row["points"];
      lastSeq = Math.max(lastSeq, row["seq_to"]);
      const where = `block ${id} (series ${row["series_from"]} to ${row["series_to"]}): `;
      const stored = content.get(id) as { idx: Uint8Array; body: Uint8Array } | null;
      if (stored === null) onDamage(`${where}its content is missing; its points are not served`);
      else verifyBlock({ row, index: stored.idx, body: stored.body }, expected, (what) => onDamage(where + what));
    }
    yield;
  }
  return { blocks, points, lastSeq };
}

/** Throws unless the database has the tables of a period file, as this version makes them. */
function checkSchema(database: Database): void {
  const number = (pragma: string) => Number(Object.values(database.query(`PRAGMA ${pragma}`).get() as object)[0]);
  if (number("application_id") !== APPLICATION_ID) throw new Error("it is not a period file");
  const version = number("user_version");
  if (version < 1 || version > SCHEMA_VERSION) {
    throw new Error(`it has schema version ${version}, this Watchpost knows ${SCHEMA_VERSION}`);
  }
  using model = new Database(":memory:");
  model.run(SCHEMA);
  const tables = (of: Database) => JSON.stringify(of.query("SELECT name, sql FROM sqlite_schema ORDER BY name").all());
  if (tables(database) !== tables(model)) throw new Error("its tables are not those of a period file");
}
