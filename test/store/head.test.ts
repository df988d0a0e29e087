/** The head's pages: used again, but not while a query reads them. */
import { expect, test } from "bun:test";
import { frameOfRecord } from "../../src/log/record.ts";
import { HeadRows } from "../../src/store/head-rows.ts";
import { Head, PAGE_ROWS, type GenerationView, type Page } from "../../src/store/head.ts";
import type { RangeQuery } from "../../src/store/protocol.ts";
import { RetiredSeries } from "../../src/store/retired-series.ts";
import { RowBuffer } from "../../src/store/row-buffer.ts";
import { blocksOfGeneration } from "../../src/store/seal.ts";
import { Undelivered } from "../../src/store/undelivered.ts";
import { ENDLESS_SLICE, runToEnd, type Slice } from "../../src/store/slice.ts";
import { randomOf, recordOf, type Point } from "./harness.ts";

test("pages of what was sealed under a query are used again once it has ended, and stay as they are until then", () => {
  // Each record fills a generation.
  const head = new Head(1, Infinity);
  const pages = new Set<Page>();
  let reading: { views: GenerationView[]; value: number } | undefined;
  for (let value = 1; value <= 50; value++) {
    head.absorb(frameOfRecord(recordOf(value, [[1, value, value]])), 100, 0);
    pages.add(head.waiting[0].pages[0]);
    const views = head.pin();
    head.dropOldest();
    if (reading !== undefined) {
      expect(reading.views[0].generation.pages[0].values[0]).toBe(reading.value);
      head.unpin(reading.views);
    }
    reading = { views, value };
  }
  expect(pages.size).toBeLessThanOrEqual(3);
});

/** Ids near each other, and ids that need more than one digit to sort by. */
const IDS = [1, 2, 3, 700, 2_048, 2_049, 5_000_000];
const BATCH_ROWS = 10_000;

function absorb(head: Head, batches: number, random: () => number): Point[] {
  const all: Point[] = [];
  for (let seq = 1; seq <= batches; seq++) {
    const points = Array.from({ length: BATCH_ROWS }, (): Point => {
      return [IDS[Math.floor(random() * IDS.length)], Math.floor(random() * 50_000), random()];
    });
    all.push(...points);
    head.absorb(frameOfRecord(recordOf(seq, points, { arrivalMs: seq * 1_000 })), 100, 0);
  }
  return all;
}

/** Of one series: the last that arrived of each time. */
function expected(points: readonly Point[], id: number, fromUs: number, toUs: number): [number, number][] {
  const byTime = new Map<number, number>();
  for (const [of, timeUs, value] of points)
    if (of === id && timeUs >= fromUs && timeUs < toUs) byTime.set(timeUs, value);
  return [...byTime].sort(([a], [b]) => a - b);
}

function find(head: Head, views: readonly GenerationView[], query: Partial<RangeQuery>) {
  const whole = { seriesIds: Uint32Array.from(IDS), fromUs: 0, toUs: 50_000, stepUs: 0, pointsMax: Infinity, ...query };
  return { query: whole, rows: runToEnd(HeadRows.find(whole, head, views, ENDLESS_SLICE)) };
}

function check({ query, rows }: ReturnType<typeof find>, points: readonly Point[]): void {
  const into = new RowBuffer();
  for (const [slot, id] of query.seriesIds.entries()) {
    runToEnd(rows.take(slot, into, ENDLESS_SLICE));
    const taken = Array.from({ length: into.length }, (_, i) => [into.timesUs[i], into.values[i]]);
    expect(taken).toEqual(expected(points, id, query.fromUs, query.toUs));
  }
}

test("queries find what a simple model finds: any series in any order, ranges, as known at a time", () => {
  for (const seed of [1, 2]) {
    const head = new Head(1e9, Infinity);
    const points = absorb(head, 15, randomOf(seed));
    const views = head.pin();
    check(find(head, views, { fromUs: 7, toUs: 300 }), points);
    check(find(head, views, {}), points);
    check(find(head, views, { seriesIds: Uint32Array.of(2_049, 1, 99, 5_000_000, 1, 2_048) }), points);
    check(find(head, views, { seriesIds: Uint32Array.of(4) }), points);
    check(find(head, views, { fromUs: 20_000, toUs: 20_500 }), points);
    for (const asOfS of [0, 3, 9]) check(find(head, views, { asOfS }), points.slice(0, asOfS * BATCH_ROWS));
    head.unpin(views);
  }
});

test("a query that began before a page was full reads on as it was, while others put the page in order", () => {
  const head = new Head(1e9, Infinity);
  const random = randomOf(3);
  const first = absorb(head, 10, random);
  const early = head.pin();
  const before = find(head, early, {});
  const points = [...first, ...absorb(head, 10, random)];
  const late = head.pin();
  check(find(head, late, {}), points);
  // Pages it has read are put in order, and another may be filled, since.
  for (let i = 0; i < 3; i++) absorb(head, 7, random);
  check(before, first);
  check(find(head, early, {}), first);
  head.unpin(early);
  head.unpin(late);
});

function blocksOf(head: Head, slice: Slice): ReturnType<typeof blocksOfGeneration> {
  const [generation] = head.waiting;
  return blocksOfGeneration(generation, new Undelivered().piecesOf(generation), new Set(), new RetiredSeries(), slice);
}

test("sealing goes on with the rows it began with when a query puts pages in order meanwhile", () => {
  const sealed = [false, true].map((isQueried) => {
    const head = new Head(1e9, Infinity);
    absorb(head, 15, randomOf(4));
    head.closeCurrent();
    const sealing = blocksOf(head, { over: () => true });
    const steps = { taken: 0 };
    for (;;) {
      const { done, value } = sealing.next();
      if (done) return [...value.values()].flat(2).map(({ index, body }) => [Bun.hash(index), Bun.hash(body)]);
      if (!isQueried || ++steps.taken !== 4) continue;
      const views = head.pin();
      find(head, views, {});
      head.unpin(views);
      expect(head.waiting[0].pages.map(({ runs }) => runs !== null)).toEqual([true, true, false]);
    }
  });
  expect(sealed[1]).toEqual(sealed[0]);

  // And where pages were in order before it began.
  const head = new Head(1e9, Infinity);
  absorb(head, 15, randomOf(4));
  const views = head.pin();
  find(head, views, {});
  head.unpin(views);
  head.closeCurrent();
  const blocks = runToEnd(blocksOf(head, ENDLESS_SLICE));
  expect([...blocks.values()].flat(2).map(({ index, body }) => [Bun.hash(index), Bun.hash(body)])).toEqual(sealed[0]);
});

test("a page put in order gives its place to the one it was, unless somebody else may read it", () => {
  const head = new Head(1e9, Infinity);
  absorb(head, 14, randomOf(5));
  const bytes = head.pageBytes;
  const views = head.pin();
  find(head, views, {});
  // One more page, which takes turns.
  expect(head.pageBytes).toBe(bytes + bytes / Math.ceil((14 * BATCH_ROWS) / PAGE_ROWS));
  head.unpin(views);
});
