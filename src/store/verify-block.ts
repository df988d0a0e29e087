/** Checks everything that one block holds, as it is stored. */
import { decodeIndexed, readBlockIndex, readUnit, type BlockIndex } from "../codec/block.ts";
import { expectIntact } from "../codec/damaged.ts";
import { RowBuffer } from "./row-buffer.ts";

/** A block's row by column, and its content. */
export interface StoredBlock {
  readonly row: Readonly<Record<string, number>>;
  readonly index: Uint8Array;
  readonly body: Uint8Array;
}

export interface BlockExpectations {
  /** Event times that the file is for: [fromUs, toUs). */
  readonly fromUs: number;
  readonly toUs: number;
  /** Whether units hold points as codec/ writes them; otherwise only their checksums are looked at. */
  readonly holdsPoints: boolean;
  isKnownSeries(id: number): boolean;
}

/** Relative difference by which a sum may differ from that of the index, which was rounded. */
const SUM_ERROR_MAX = 1e-9;

const rows = new RowBuffer();

/** Checks index and row against each other, then every unit and chunk; `onDamage` hears of each thing that is wrong. */
export function verifyBlock(stored: StoredBlock, expected: BlockExpectations, onDamage: (what: string) => void): void {
  const check = (run: () => void, consequence: string) => {
    try {
      run();
    } catch (error) {
      onDamage(`${error instanceof Error ? error.message : String(error)}; ${consequence}`);
    }
  };
  let index: BlockIndex | undefined;
  check(() => {
    index = checkedIndex(stored);
    checkRow(stored, index, expected);
  }, "its points are not served");
  if (index === undefined) return;
  const readable = index;
  const unknown = new Set([...index.seriesIds].filter((id) => !expected.isKnownSeries(id)));
  if (unknown.size > 0) onDamage(`series without a name: ${someOf([...unknown])}; their points cannot be asked for`);
  for (let unit = 0, chunk = 0; unit < index.unitCount; unit++) {
    let end = chunk;
    while (end < index.count && index.units[end] === unit) end++;
    const from = chunk;
    const of = `of series ${index.seriesIds[from]} to ${index.seriesIds[end - 1]}`;
    check(() => {
      const unitBytes = readUnit(readable, unit, stored.body);
      if (!expected.holdsPoints) return;
      for (let i = from; i < end; i++) checkChunk(readable, i, unitBytes, stored.row);
    }, `points ${of} are not served`);
    chunk = end;
  }
}

function checkedIndex({ row, index }: StoredBlock): BlockIndex {
  expectIntact(
    index.length === row["index_bytes"],
    `its index has ${index.length} bytes, its row says ${row["index_bytes"]}`,
  );
  expectIntact(Bun.hash.crc32(index) === row["index_crc"], "its index does not match the checksum in its row");
  return readBlockIndex(index);
}

function checkRow({ row, body }: StoredBlock, index: BlockIndex, expected: BlockExpectations): void {
  let [bodyBytes, points, fromUs, toUs] = [0, 0, Infinity, -Infinity];
  for (const bytes of index.unitLengths) bodyBytes += bytes;
  for (let chunk = 0; chunk < index.count; chunk++) {
    points += index.counts[chunk];
    fromUs = Math.min(fromUs, index.fromUs[chunk]);
    toUs = Math.max(toUs, index.toUs[chunk]);
  }
  const found: Record<string, number> = {
    chunks: index.count,
    points,
    from_us: fromUs,
    to_us: toUs,
    series_from: index.seriesIds[0],
    series_to: index.seriesIds[index.count - 1],
    body_bytes: bodyBytes,
  };
  for (const [column, value] of Object.entries(found)) {
    expectIntact(value === row[column], `its ${column} is ${row[column]}, its index makes ${value}`);
  }
  expectIntact(body.length === bodyBytes, `its body has ${body.length} bytes, its index says ${bodyBytes}`);
  expectIntact(fromUs >= expected.fromUs && toUs < expected.toUs, "it holds times that the file is not for");
}

function checkChunk(index: BlockIndex, chunk: number, unitBytes: Uint8Array, row: StoredBlock["row"]): void {
  rows.clear();
  const count = index.counts[chunk];
  rows.extend(count);
  const { timesUs, values, arrivalsS } = rows;
  decodeIndexed(index, chunk, unitBytes, timesUs, values, arrivalsS, 0);
  let [min, max, sum, superseded, first] = [Infinity, -Infinity, 0, 0, NaN];
  for (let i = 0; i < count; i++) {
    expectIntact(i === 0 || timesUs[i] >= timesUs[i - 1], "its times go back");
    const arrivedInBlock = arrivalsS[i] >= row["arrival_from_s"] && arrivalsS[i] <= row["arrival_to_s"];
    expectIntact(arrivedInBlock, "its arrivals are not those of its row");
    if (i + 1 < count && timesUs[i] === timesUs[i + 1]) {
      superseded++;
      continue;
    }
    if (Number.isNaN(first)) first = values[i];
    min = Math.min(min, values[i]);
    max = Math.max(max, values[i]);
    sum += values[i];
  }
  const same = (what: string, found: number, column: ArrayLike<number>) =>
    expectIntact(found === column[chunk], `its ${what} is ${found}, its index says ${column[chunk]}`);
  same("first value", first, index.firsts);
  same("last value", values[count - 1], index.lasts);
  same("least value", min, index.mins);
  same("largest value", max, index.maxs);
  same("number of superseded rows", superseded, index.superseded);
  const largest = Math.max(Math.abs(min), Math.abs(max)) * count;
  expectIntact(Math.abs(sum - index.sums[chunk]) <= largest * SUM_ERROR_MAX, "its sum is not that of its index");
}

/** The first few of many. */
export function someOf(ids: readonly number[]): string {
  const shown = ids.slice(0, 5).join(", ");
  return ids.length <= 5 ? shown : `${shown} and ${ids.length - 5} more`;
}
