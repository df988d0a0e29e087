/** Rows for the codec's tests, and blocks of them. */
import { BlockBuilder, decodeIndexed, readBlockIndex, readUnit, type FinishedBlock } from "../../src/codec/block.ts";
import { randomOf } from "../support/random.ts";

export interface Rows {
  readonly timesUs: readonly number[];
  readonly values: readonly number[];
  readonly arrivalsS: readonly number[];
}

export function blockOf(chunks: readonly Rows[]): FinishedBlock {
  const builder = new BlockBuilder();
  chunks.forEach(({ timesUs, values, arrivalsS }, i) => {
    // Rows stand somewhere in larger columns, as they do in the store.
    const column = (cells: readonly number[]) => Float64Array.from([7, ...cells, 7]);
    builder.add(3 * i + 1, column(timesUs), column(values), column(arrivalsS), 1, timesUs.length + 1);
  });
  return builder.finish();
}

/** Everything of a block; throws DamagedChunkError. */
export function rowsOf({ index, body }: Pick<FinishedBlock, "index" | "body">): (Rows & { seriesId: number })[] {
  const decoded = readBlockIndex(index);
  return Array.from({ length: decoded.count }, (_, chunk) => {
    const count = decoded.counts[chunk];
    const [timesUs, values, arrivalsS] = [0, 0, 0].map(() => new Float64Array(count + 2).fill(-5));
    decodeIndexed(decoded, chunk, readUnit(decoded, decoded.units[chunk], body), timesUs, values, arrivalsS, 1);
    for (const column of [timesUs, values, arrivalsS]) {
      if (column[0] !== -5 || column[count + 1] !== -5) throw new Error("rows were written outside of their place");
    }
    const inner = (column: Float64Array) => [...column.subarray(1, count + 1)];
    return {
      seriesId: decoded.seriesIds[chunk],
      timesUs: inner(timesUs),
      values: inner(values),
      arrivalsS: inner(arrivalsS),
    };
  });
}

const START_US = 1_700_000_000_000_000;

function rows(count: number, timeOf: (i: number) => number, valueOf: (i: number) => number): Rows {
  const timesUs = Array.from({ length: count }, (_, i) => timeOf(i));
  return {
    timesUs,
    values: timesUs.map((_, i) => valueOf(i)),
    arrivalsS: timesUs.map((timeUs) => Math.floor(timeUs / 1e6) + 1),
  };
}

/** Named shapes of data; each exercises a mode of the format. Deterministic. */
export function shapes(): Record<string, Rows> {
  const random = randomOf(42);
  let level = 2_000;
  const regular = (i: number) => START_US + i * 10_000_000;
  let jitterUs = START_US;
  return {
    "decimal walk": rows(600, regular, () => (level += Math.round(20 * (random() - 0.5))) / 100),
    constant: rows(100, regular, () => 21.5),
    "one row": rows(1, regular, () => -0),
    counter: rows(500, regular, (i) => (i % 200) * 1_500),
    "full floats": rows(200, regular, () => Math.sin(random() * 1e9)),
    extremes: rows(6, regular, (i) => [Number.MAX_VALUE, -Number.MAX_VALUE, 5e-324, -0, 0, 2 ** 53][i]),
    "irregular times": rows(
      300,
      () => (jitterUs += Math.floor(random() * 5e6)),
      (i) => i % 7,
    ),
    "times to 2^53": rows(
      3,
      (i) => [0, 1, Number.MAX_SAFE_INTEGER][i],
      (i) => i,
    ),
    superseded: rows(
      9,
      (i) => START_US + Math.floor(i / 3) * 1e6,
      (i) => i,
    ),
  };
}
