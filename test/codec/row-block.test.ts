import { expect, test } from "bun:test";
import { decodeRows, encodeRows, type ArrivedRows } from "../../src/codec/row-block.ts";
import { randomOf } from "../store/harness.ts";

function rowsOf(random: () => number, count: number, series: number): ArrivedRows {
  const kind = Math.floor(random() * 5);
  const unitUs = [1, 1_000, 1_000_000][Math.floor(random() * 3)];
  let arrivalS = 1_700_000_000;
  const valueOf = (i: number) => {
    if (kind === 0) return Math.round(random() * 4_000 - 2_000) / 100;
    if (kind === 1) return random() * 1e9 - 5e8;
    if (kind === 2) return [0, -0, 1e300, -5e-324, 2 ** 53 + 2, 0.1 + 0.2, 1e-9][i % 7];
    if (kind === 3) return i % 3 === 0 ? random() : Math.floor(random() * 10);
    return 42;
  };
  return {
    count,
    seriesIds: Uint32Array.from({ length: count }, () => 1 + Math.floor(random() * series) * (kind === 4 ? 4e6 : 1)),
    timesUs: Float64Array.from({ length: count }, () => Math.floor(random() * 1e9) * unitUs),
    values: Float64Array.from({ length: count }, (_, i) => valueOf(i)),
    // A clock that is set goes back.
    arrivalsS: Float64Array.from({ length: count }, () => (arrivalS += random() < 0.9 ? 0 : random() < 0.9 ? 1 : -30)),
  };
}

test("rows come out as they went in, bit for bit", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = randomOf(seed);
    const rows = rowsOf(
      random,
      1 + Math.floor(random() * (seed % 10 === 0 ? 5_000 : 50)),
      1 + Math.floor(random() * 40),
    );
    const given = decodeRows(encodeRows(rows));
    // toEqual takes -0 for another number than 0.
    expect({ seed, ...given }).toEqual({ seed, ...rows });
  }
});

test("columns may be longer, and neighbours of a series take little", () => {
  const count = 10_000;
  const rows: ArrivedRows = {
    count,
    seriesIds: Uint32Array.from({ length: count + 5 }, (_, i) => 1 + (i % 500)),
    timesUs: Float64Array.from({ length: count + 5 }, (_, i) => (1_700_000_000 + Math.floor(i / 500)) * 1e6),
    values: Float64Array.from({ length: count + 5 }, (_, i) => Math.round(2_000 + 10 * Math.sin(i * i)) / 100),
    arrivalsS: Float64Array.from({ length: count + 5 }, (_, i) => 1_700_000_000 + Math.floor(i / 500)),
  };
  const block = encodeRows(rows);
  expect(block.length / count).toBeLessThan(1);
  expect(decodeRows(block).values).toEqual(rows.values.subarray(0, count));
});

test("what is damaged is none, wherever it is", () => {
  const block = encodeRows(rowsOf(randomOf(3), 40, 5));
  for (let at = 0; at < block.length; at++) {
    const damaged = block.slice();
    damaged[at] ^= 1 << (at % 8);
    expect(() => decodeRows(damaged)).toThrow();
    expect(() => decodeRows(block.subarray(0, at))).toThrow();
  }
});
