/** The tables of a period file, and a block as a row of one of them. */
import type { Block, NewBlock } from "./block.ts";
import type { PeriodFile } from "./period-file.ts";

export const SCHEMA = `
  CREATE TABLE block (
    id INTEGER PRIMARY KEY, ord INTEGER NOT NULL, level INTEGER NOT NULL, from_us INTEGER NOT NULL,
    to_us INTEGER NOT NULL, series_from INTEGER NOT NULL, series_to INTEGER NOT NULL, chunks INTEGER NOT NULL,
    points INTEGER NOT NULL, arrival_from_s INTEGER NOT NULL, arrival_to_s INTEGER NOT NULL,
    clock_untrusted INTEGER NOT NULL, seq_from INTEGER NOT NULL, seq_to INTEGER NOT NULL, index_bytes INTEGER NOT NULL,
    index_crc INTEGER NOT NULL, body_bytes INTEGER NOT NULL, crc INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE content (id INTEGER PRIMARY KEY, idx BLOB NOT NULL, body BLOB NOT NULL) STRICT;
  CREATE TABLE census (blocks INTEGER NOT NULL) STRICT;
  INSERT INTO census VALUES (0);
`;

/** Every column of a block row but its checksum. */
export const COLUMNS = [
  "id",
  "ord",
  "level",
  "from_us",
  "to_us",
  "series_from",
  "series_to",
  "chunks",
  "points",
  "arrival_from_s",
  "arrival_to_s",
  "clock_untrusted",
  "seq_from",
  "seq_to",
  "index_bytes",
  "index_crc",
  "body_bytes",
] as const;
const COLUMN_LIST = `${COLUMNS.join(", ")}, crc`;

export const SELECT_BLOCKS = `SELECT ${COLUMN_LIST} FROM block`;
const VALUES = `INTO block (${COLUMN_LIST}) VALUES (${COLUMNS.map(() => "?").join(", ")}, ?)`;
export const INSERT_BLOCK = `INSERT ${VALUES}`;
/** Nothing where it is there. */
export const RESTORE_BLOCK = `INSERT OR IGNORE ${VALUES}`;

/** In the order of {@link COLUMNS}. */
export function cellsOf(id: number, { block, origin }: NewBlock): number[] {
  return [
    id,
    origin.ord,
    origin.level,
    block.fromUs,
    block.toUs,
    block.seriesFrom,
    block.seriesTo,
    block.chunks,
    block.points,
    block.arrivalFromS,
    block.arrivalToS,
    origin.clockUntrusted ? 1 : 0,
    origin.seqFrom,
    origin.seqTo,
    block.index.byteLength,
    Bun.hash.crc32(block.index),
    block.body.byteLength,
  ];
}

/** Of a block that is stored. */
export function cellsOfBlock(block: Block): number[] {
  const { id, ord, level, fromUs, toUs, seriesFrom, seriesTo, chunks, points, arrivalFromS, arrivalToS } = block;
  const { clockUntrusted, seqFrom, seqTo, indexBytes, indexCrc, bodyBytes } = block;
  return [
    ...[id, ord, level, fromUs, toUs, seriesFrom, seriesTo, chunks, points, arrivalFromS, arrivalToS],
    ...[clockUntrusted ? 1 : 0, seqFrom, seqTo, indexBytes, indexCrc, bodyBytes],
  ];
}

export function blockOfCells(file: PeriodFile, cells: readonly number[]): Block {
  const [id, ord, level, fromUs, toUs, seriesFrom, seriesTo, chunks, points] = cells;
  const [arrivalFromS, arrivalToS, clockUntrusted, seqFrom, seqTo, indexBytes, indexCrc, bodyBytes] = cells.slice(9);
  return {
    file,
    id,
    ord,
    level,
    fromUs,
    toUs,
    seriesFrom,
    seriesTo,
    chunks,
    points,
    arrivalFromS,
    arrivalToS,
    clockUntrusted: clockUntrusted !== 0,
    seqFrom,
    seqTo,
    indexBytes,
    indexCrc,
    bodyBytes,
    pins: 0,
    damaged: false,
  };
}

export function crcOfCells(cells: readonly number[]): number {
  return Bun.hash.crc32(Float64Array.from(cells));
}
