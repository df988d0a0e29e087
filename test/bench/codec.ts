/** Bytes a point and speed of the codec: 2-decimal random walk (σ 0.1) every 10 s. */
import { BlockBuilder, decodeIndexed, readBlockIndex, readUnit, type FinishedBlock } from "../../src/codec/block.ts";

export interface BenchRow {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

const POINTS = 2_000_000;
const ROUNDS = 3;

/** Bytes a point and millions of points a second, for chunks of several sizes. */
export function codecBench(): BenchRow[] {
  return [24, 128, 1024, 2048, 8192].flatMap(rowsOfSize);
}

function rowsOfSize(chunkPoints: number): BenchRow[] {
  const timesUs = new Float64Array(chunkPoints);
  const arrivalsS = new Float64Array(chunkPoints);
  const chunks = Math.floor(POINTS / chunkPoints);
  const values = Array.from({ length: Math.min(chunks, 400) }, (_, seed) => walk(chunkPoints, seed));
  for (let i = 0; i < chunkPoints; i++) {
    timesUs[i] = 1_700_000_000_000_000 + i * 10_000_000;
    arrivalsS[i] = 1_700_000_000 + i * 10;
  }
  let encodeMs = Infinity;
  let decodeMs = Infinity;
  let blocks: FinishedBlock[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    let startedAtMs = performance.now();
    blocks = encode(chunks, values, timesUs, arrivalsS);
    encodeMs = Math.min(encodeMs, performance.now() - startedAtMs);
    startedAtMs = performance.now();
    decode(blocks, chunkPoints);
    decodeMs = Math.min(decodeMs, performance.now() - startedAtMs);
  }
  const points = chunks * chunkPoints;
  const bytes = (part: "body" | "index") => blocks.reduce((sum, block) => sum + block[part].length, 0);
  const name = `${chunkPoints} points a chunk`;
  return [
    { name: `${name}, size`, value: (bytes("body") + bytes("index")) / points, unit: "B/point" },
    { name: `${name}, index`, value: bytes("index") / chunks, unit: "B/chunk" },
    { name: `${name}, encode`, value: points / encodeMs / 1_000, unit: "M points/s" },
    { name: `${name}, decode`, value: points / decodeMs / 1_000, unit: "M points/s" },
  ];
}

function encode(
  chunks: number,
  values: Float64Array[],
  timesUs: Float64Array,
  arrivalsS: Float64Array,
): FinishedBlock[] {
  const blocks: FinishedBlock[] = [];
  let builder = new BlockBuilder();
  for (let chunk = 0; chunk < chunks; chunk++) {
    builder.add(chunk + 1, timesUs, values[chunk % values.length], arrivalsS, 0, timesUs.length);
    if (!builder.isFull && chunk + 1 < chunks) continue;
    blocks.push(builder.finish());
    builder = new BlockBuilder();
  }
  return blocks;
}

function decode(blocks: readonly FinishedBlock[], chunkPoints: number): void {
  const columns = [new Float64Array(chunkPoints), new Float64Array(chunkPoints)] as const;
  for (const { index: indexBytes, body } of blocks) {
    const index = readBlockIndex(indexBytes);
    let unit = -1;
    let unitBytes = new Uint8Array(0);
    for (let chunk = 0; chunk < index.count; chunk++) {
      if (index.units[chunk] !== unit) {
        unit = index.units[chunk];
        unitBytes = readUnit(index, unit, body) as Uint8Array<ArrayBuffer>;
      }
      decodeIndexed(index, chunk, unitBytes, columns[0], columns[1], null, 0);
    }
  }
}

/** Seeded normal steps (Box-Muller over a 32-bit generator), rounded to two decimals. */
function walk(count: number, seed: number): Float64Array {
  let state = (seed + 1) * 0x9e3779b9;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
  const values = new Float64Array(count);
  let level = 20 + seed / 10;
  for (let i = 0; i < count; i++) {
    level += 0.1 * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    values[i] = Math.round(level * 100) / 100;
  }
  return values;
}

if (import.meta.main) console.table(codecBench());
