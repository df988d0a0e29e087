/** Passes over a backlog, and what a receiver makes of their parts. */
import { Database } from "bun:sqlite";
import { expect } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { readForeignBlock } from "../../src/codec/foreign-block.ts";
import { withSequences, type SequenceRanges } from "../../src/model/sequence-ranges.ts";
import { ENDLESS_SLICE, runToEnd, type Slice } from "../../src/store/slice.ts";
import type { BacklogPart, BacklogQuery } from "../../src/store/store-client.ts";
import { Model, type Opened, type Point } from "./harness.ts";

export type Asked = Partial<BacklogQuery> & Pick<BacklogQuery, "ranges">;

export function queryOf(asked: Asked): BacklogQuery {
  return { seriesIds: null, rowsMax: 8192, bytesMax: 1024 * 1024, cursor: null, ...asked };
}

export function partOf({ store }: Opened, asked: Asked, slice: Slice = ENDLESS_SLICE): BacklogPart {
  return runToEnd(store.backlog.part(queryOf(asked), slice));
}

/** All parts of a pass, or what is left of one. */
export function drain(open: Opened, asked: Asked): BacklogPart[] {
  const parts = [partOf(open, asked)];
  for (let { next } = parts[0]; next !== null; { next } = parts[parts.length - 1]) {
    parts.push(partOf(open, { ...asked, cursor: next }));
    expect(parts.length).toBeLessThan(10_000);
  }
  return parts;
}

export function pointsOf({ block }: BacklogPart): Point[] {
  if (block === null) return [];
  const points: Point[] = [];
  const { chunks, seriesIds, points: count } = readForeignBlock(block.index, block.body);
  expect([...seriesIds]).toEqual([...block.seriesIds]);
  expect(count).toBe(block.points);
  for (const { seriesId, timesUs, values } of chunks()) {
    for (let i = 0; i < timesUs.length; i++) points.push([seriesId, timesUs[i], values[i]]);
  }
  return points;
}

export function deliveredBy(parts: readonly BacklogPart[]): SequenceRanges {
  const all = parts.flatMap(({ delivered }) => delivered);
  return all.reduce<SequenceRanges>((ranges, [from, to]) => withSequences(ranges, from, to), []);
}

export function upserted(parts: readonly BacklogPart[]): Model {
  const model = new Model();
  for (const part of parts) model.write(pointsOf(part));
  return model;
}

/** By series, then time. */
export function plainSeries({ series }: Model): [number, [number, number][]][] {
  const rows = [...series].map(([id, times]): [number, [number, number][]] => [id, [...times]]);
  for (const [, times] of rows) times.sort(([a], [b]) => a - b);
  return rows.filter(([, times]) => times.length > 0).sort(([a], [b]) => a - b);
}

export interface StoredSpan {
  readonly seqFrom: number;
  readonly seqTo: number;
  readonly level: number;
  readonly points: number;
}

/** Of all blocks of points in a directory. */
export function storedSpans(dir: string): StoredSpan[] {
  return readdirSync(dir)
    .filter((name) => /^points-.*\.db$/.test(name))
    .sort()
    .flatMap((name) => {
      using database = new Database(join(dir, name), { readonly: true });
      const query = "SELECT seq_from AS seqFrom, seq_to AS seqTo, level, points FROM block ORDER BY ord, id";
      return database.query(query).all() as StoredSpan[];
    });
}
