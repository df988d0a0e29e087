/** What a range query answers, what it reads for it, and what it leaves behind. */
import { expect, spyOn, test } from "bun:test";
import { Database } from "bun:sqlite";
import { statSync } from "node:fs";
import { join } from "node:path";
import { PeriodFile } from "../../src/store/period-file.ts";
import {
  DECEMBER_US,
  Model,
  NOVEMBER_US,
  openStore,
  plain,
  randomOf,
  recordOf,
  SHORTEST_SLICE,
  type Opened,
  type Point,
} from "./harness.ts";
import { tempDir } from "../support/server-process.ts";

const ALL = { fromUs: 0, toUs: 2 ** 53, stepUs: 0, pointsMax: 1e9 };
const SECOND_US = 1e6;

/** Series 1 to `series`, `points` of each, one a second. */
function pointsOf(series: number, points: number, fromUs = NOVEMBER_US): Point[] {
  const random = randomOf(series * points);
  const found: Point[] = [];
  for (let i = 0; i < points; i++) {
    for (let id = 1; id <= series; id++) found.push([id, fromUs + i * SECOND_US, Math.floor(random() * 1000)]);
  }
  return found;
}

function absorb(open: Opened, seq: number, points: readonly Point[], model?: Model): void {
  open.store.absorb(recordOf(seq, points));
  model?.write(points);
}

function contentRows(dir: string): number {
  const database = new Database(join(dir, "points-2026-11.db"), { readonly: true });
  try {
    return (database.query("SELECT count(*) AS rows FROM content").get() as { rows: number }).rows;
  } finally {
    database.close();
  }
}

for (const sealed of [false, true]) {
  test(`ranges are half open and steps begin at multiples of the step, ${sealed ? "sealed" : "in the head"}`, () => {
    using folder = tempDir("store");
    using open = openStore({ dir: folder.path });
    const at = (seconds: number) => NOVEMBER_US + seconds * SECOND_US;
    absorb(open, 1, [
      [1, at(9), 4],
      [1, at(10), 1],
      [1, at(19), 3],
      [1, at(20), 2],
      [2, at(10), -5],
    ]);
    if (sealed) open.seal();
    const seriesIds = Uint32Array.of(1, 2, 3);
    const raw = open.range({ seriesIds, fromUs: at(10), toUs: at(20) });
    expect(plain(raw)).toEqual([
      [
        [at(10), 1],
        [at(19), 3],
      ],
      [[at(10), -5]],
      [],
    ]);
    expect([[...raw.slots], [...raw.offsets]]).toEqual([
      [0, 1],
      [0, 2, 3],
    ]);
    const steps = open.range({ seriesIds, fromUs: at(9), toUs: at(20), stepUs: 10 * SECOND_US });
    expect(plain(steps)).toEqual([
      [
        [at(0), 4],
        [at(10), 2],
      ],
      [[at(10), -5]],
      [],
    ]);
    expect(plain(open.range({ seriesIds, fromUs: at(20), toUs: at(10) }))).toEqual([[], [], []]);
    expect(plain(open.range({ seriesIds: new Uint32Array() }))).toEqual([]);
  });
}

test("an answer of exactly pointsMax rows is given, one more is RESOURCE_EXHAUSTED", () => {
  using folder = tempDir("store");
  using open = openStore({ dir: folder.path });
  absorb(open, 1, pointsOf(3, 100));
  absorb(open, 2, pointsOf(3, 100));
  open.seal();
  absorb(open, 3, pointsOf(3, 100, NOVEMBER_US + 50 * SECOND_US));
  const seriesIds = Uint32Array.of(1, 2, 3);
  expect(open.range({ seriesIds, pointsMax: 450 }).timesUs.length).toBe(450);
  expect(() => open.range({ seriesIds, pointsMax: 449 })).toThrow(/at most 449 are allowed/);
  expect(open.range({ seriesIds, pointsMax: 45, stepUs: 10 * SECOND_US }).timesUs.length).toBe(45);
  expect(() => open.range({ seriesIds, pointsMax: 44, stepUs: 10 * SECOND_US })).toThrow(/at most 44 are allowed/);
  expect(plain(open.range({ seriesIds: Uint32Array.of(2), pointsMax: 150 })).flat().length).toBe(150);
});

test("steps that hold whole chunks are answered without reading one", () => {
  using folder = tempDir("store");
  const model = new Model();
  using open = openStore({ dir: folder.path });
  absorb(open, 1, pointsOf(5, 600), model);
  open.seal();
  absorb(open, 2, pointsOf(5, 600, NOVEMBER_US + 3600 * SECOND_US), model);
  open.seal();
  const bodies = spyOn(PeriodFile.prototype, "readBody");
  try {
    const query = { ...ALL, seriesIds: Uint32Array.of(1, 2, 3, 4, 5), stepUs: 3600 * SECOND_US };
    expect(plain(open.range(query))).toEqual(model.range(query));
    expect(bodies).toHaveBeenCalledTimes(0);
    const finer = { ...query, stepUs: 60 * SECOND_US };
    expect(plain(open.range(finer))).toEqual(model.range(finer));
    expect(bodies).toHaveBeenCalled();
  } finally {
    bodies.mockRestore();
  }
});

test("chunks that overlap on and on are answered as the model does, the last write winning", () => {
  using folder = tempDir("store");
  const model = new Model();
  using open = openStore({ dir: folder.path });
  const random = randomOf(11);
  for (let seq = 1; seq <= 40; seq++) {
    const points: Point[] = [];
    // Each write reaches back into the four before it, and some come late.
    const startS = (random() < 0.2 ? random() * 40 : seq) * 100;
    for (let i = 0; i < 500; i++) points.push([1, NOVEMBER_US + Math.floor(startS + i) * SECOND_US, seq * 1000 + i]);
    absorb(open, seq, points, model);
    if (seq < 40) {
      void open.store.seal();
      const work = open.store.maintain(SHORTEST_SLICE);
      while (open.store.mustSeal) work.next();
      work.return();
    }
  }
  expect(open.store.stats().blocks).toBeGreaterThan(30);
  for (const stepUs of [0, 60 * SECOND_US, 86_400 * SECOND_US]) {
    const query = { ...ALL, seriesIds: Uint32Array.of(1), stepUs };
    expect(plain(open.range(query))).toEqual(model.range(query));
    const part = { ...query, fromUs: NOVEMBER_US + 777 * SECOND_US, toUs: NOVEMBER_US + 2222 * SECOND_US };
    expect(plain(open.range(part))).toEqual(model.range(part));
  }
});

test("a query keeps what it began to read, and what it kept goes when it is cancelled", () => {
  using folder = tempDir("store");
  const model = new Model();
  using open = openStore({ dir: folder.path });
  for (let seq = 1; seq <= 8; seq++) {
    absorb(open, seq, pointsOf(50, 200, NOVEMBER_US + seq * 150 * SECOND_US), model);
    open.store.seal().catch(() => {});
    const work = open.store.maintain(SHORTEST_SLICE);
    while (open.store.mustSeal) work.next();
    work.return();
  }
  const query = { ...ALL, seriesIds: Uint32Array.from({ length: 50 }, (_, i) => i + 1) };
  const slow = open.store.range(query, SHORTEST_SLICE);
  const cancelled = open.store.range(query, SHORTEST_SLICE);
  for (let i = 0; i < 20; i++) {
    expect(slow.next().done).toBe(false);
    expect(cancelled.next().done).toBe(false);
  }
  open.compact();
  const { blocks } = open.store.stats();
  expect(blocks).toBeLessThan(8);
  expect(contentRows(folder.path)).toBe(blocks + 8);
  const bytes = () => statSync(join(folder.path, "points-2026-11.db")).size;
  const bytesPinned = bytes();

  cancelled.return(undefined as never);
  open.settle();
  expect(contentRows(folder.path)).toBe(blocks + 8);
  let step = slow.next();
  while (!step.done) step = slow.next();
  expect(plain(step.value, query.seriesIds.length)).toEqual(model.range(query));
  open.settle();
  expect(contentRows(folder.path)).toBe(blocks);
  expect(bytes()).toBeLessThan(bytesPinned);
});

test("a query sees the store as it was at its first step, while it is sealed and merged under it", () => {
  using folder = tempDir("store");
  const model = new Model();
  using open = openStore({ dir: folder.path });
  absorb(open, 1, pointsOf(20, 300), model);
  open.seal();
  absorb(open, 2, pointsOf(20, 300, DECEMBER_US - 150 * SECOND_US), model);
  const query = { ...ALL, seriesIds: Uint32Array.from({ length: 20 }, (_, i) => i + 1) };
  const expected = model.range(query);
  const work = open.store.range(query, SHORTEST_SLICE);
  work.next();
  absorb(open, 3, pointsOf(20, 700));
  open.seal();
  open.compact();
  let step = work.next();
  while (!step.done) step = work.next();
  expect(plain(step.value, query.seriesIds.length)).toEqual(expected);
});

test("a long answer in parts is the whole answer, wherever it is cut", () => {
  using folder = tempDir("store");
  using open = openStore({ dir: folder.path });
  for (let seq = 1; seq <= 4; seq++) {
    absorb(open, seq, pointsOf(6, 500, NOVEMBER_US + seq * 300 * SECOND_US));
    if (seq < 4) open.seal();
  }
  const seriesIds = Uint32Array.of(5, 1, 6, 3);
  for (const stepUs of [0, 60 * SECOND_US]) {
    const whole = plain(open.range({ seriesIds, stepUs }));
    for (const partRows of [1, 100, 777, 1e6]) {
      const rows: unknown[][] = [[], [], [], []];
      let [from, fromUs, parts] = [0, 0, 0];
      for (;;) {
        const ids = seriesIds.subarray(from, fromUs > 0 ? from + 1 : 4);
        const part = open.range({ seriesIds: ids, stepUs, fromUs, partRows });
        plain(part).forEach((some, slot) => rows[from + slot].push(...some));
        const { next } = part;
        parts++;
        from += next?.slot ?? ids.length;
        fromUs = next?.fromUs ?? 0;
        if (from >= 4) break;
      }
      expect(rows).toEqual(whole);
      if (stepUs === 0 && partRows < 1e6) expect(parts).toBeGreaterThanOrEqual(4);
    }
  }
});

test("series are answered in the order they are asked in, whatever their ids", () => {
  using folder = tempDir("store");
  using open = openStore({ dir: folder.path });
  for (let seq = 1; seq <= 3; seq++) {
    absorb(open, seq, pointsOf(6, 500, NOVEMBER_US + seq * 400 * SECOND_US));
    if (seq < 3) open.seal();
  }
  const [seriesIds, stepUs] = [Uint32Array.of(5, 1, 6, 3), 60 * SECOND_US];
  const rowsOf = (id: number) => plain(open.range({ seriesIds: Uint32Array.of(id), stepUs, func: "sum" }))[0];
  expect(plain(open.range({ seriesIds, stepUs, func: "sum" }))).toEqual([5, 1, 6, 3].map(rowsOf));
  const grouping = { groupOf: Uint32Array.of(0, 1, 0, 1), groups: 2, aggregation: "max" } as const;
  const larger = (a: number, b: number) => {
    const other = new Map(rowsOf(b) as [number, number][]);
    return rowsOf(a).map(([timeUs, value]): [number, number] => [timeUs, Math.max(value, other.get(timeUs)!)]);
  };
  expect(plain(open.range({ seriesIds, stepUs, func: "sum", grouping }))).toEqual([larger(5, 6), larger(1, 3)]);
  const equal = open.range({ seriesIds, stepUs, func: "count", top: { count: 2, by: "count", lowest: false } });
  expect([...equal.slots]).toEqual([0, 1]);
});

test("as of a time only what had arrived by then is there, values that were replaced since included", () => {
  using folder = tempDir("store");
  using open = openStore({ dir: folder.path });
  const models: [number, Model][] = [];
  const model = new Model();
  const random = randomOf(5);
  for (let seq = 1; seq <= 12; seq++) {
    const points: Point[] = [];
    for (let i = 0; i < 200; i++)
      points.push([
        1 + Math.floor(random() * 3),
        NOVEMBER_US + Math.floor(random() * 300) * SECOND_US,
        seq * 1_000 + i,
      ]);
    const arrivalS = NOVEMBER_US / 1e6 + seq * 60;
    open.store.absorb(recordOf(seq, points, { arrivalMs: arrivalS * 1_000 + 400 }));
    model.write(points);
    models.push([arrivalS, model.copy()]);
    if (seq % 3 === 0) open.seal();
    if (seq === 9) open.compact();
  }
  const seriesIds = Uint32Array.of(1, 2, 3);
  for (const [asOfS, then] of models) {
    for (const stepUs of [0, 30 * SECOND_US, 3600 * SECOND_US]) {
      const query = { ...ALL, seriesIds, stepUs, func: "sum" as const };
      expect(plain(open.range({ ...query, asOfS }))).toEqual(then.range(query));
      expect(plain(open.range({ ...query, asOfS: asOfS + 59 }))).toEqual(then.range(query));
    }
  }
  expect(plain(open.range({ seriesIds, asOfS: models[0][0] - 1 }))).toEqual([[], [], []]);
});

test("groups, gaps and the first of them, over what is stored", () => {
  using folder = tempDir("store");
  using open = openStore({ dir: folder.path });
  const points: Point[] = [];
  for (const id of [1, 2, 3, 4]) {
    for (const minute of [0, 1, 4]) points.push([id, NOVEMBER_US + minute * 60 * SECOND_US, id * 10 + minute]);
  }
  absorb(open, 1, points);
  const [seriesIds, stepUs] = [Uint32Array.of(1, 2, 3, 4), 60 * SECOND_US];
  const at = (minute: number) => NOVEMBER_US + minute * stepUs;
  const grouping = { groupOf: Uint32Array.of(0, 0, 1, 1), groups: 2, aggregation: "sum" } as const;
  expect(plain(open.range({ seriesIds, stepUs, grouping, fill: "previous" }))).toEqual([
    [30, 32, 32, 32, 38].map((value, minute) => [at(minute), value]),
    [70, 72, 72, 72, 78].map((value, minute) => [at(minute), value]),
  ]);
  const first = open.range({ seriesIds, stepUs, top: { count: 1, by: "avg", lowest: false } });
  expect([...first.slots]).toEqual([3]);
  const filled = open.range({ seriesIds: Uint32Array.of(1), stepUs, fill: "zero", fromUs: at(-1), toUs: at(6) + 1 });
  expect([...filled.values]).toEqual([0, 10, 11, 0, 0, 14, 0, 0]);
  const thinned = open.range({ seriesIds: Uint32Array.of(1), maxPoints: 3, stepUs, fill: "zero" });
  expect(thinned.timesUs.length).toBe(3);
  expect(() => open.range({ seriesIds, stepUs: 1, grouping, pointsMax: 1_000 })).toThrow(
    /2 groups have 240000001 steps/,
  );
});

test("a series is thinned as a whole, in parts too", () => {
  using folder = tempDir("store");
  using open = openStore({ dir: folder.path, mergeRunsMin: 100 });
  for (let seq = 1; seq <= 10; seq++) {
    absorb(open, seq, pointsOf(1, 100, NOVEMBER_US + seq * 200 * SECOND_US));
    if (seq < 8) open.seal();
  }
  const query = { seriesIds: Uint32Array.of(1), maxPoints: 40 };
  const whole = open.range(query);
  expect(whole.timesUs.length).toBe(40);
  expect(plain(open.range({ ...query, partRows: 15 }))).toEqual(plain(whole));
});

test("more steps to fill than an answer may have are refused before anything is read", () => {
  using folder = tempDir("store");
  using open = openStore({ dir: folder.path });
  absorb(open, 1, pointsOf(2, 10));
  open.seal();
  const bodies = spyOn(PeriodFile.prototype, "readBody");
  try {
    const range = { seriesIds: Uint32Array.of(1, 2), fromUs: 1, toUs: NOVEMBER_US, stepUs: SECOND_US } as const;
    for (const partRows of [undefined, 10]) {
      const query = { ...range, fill: "null", ...(partRows === undefined ? {} : { partRows }) } as const;
      expect(() => open.range(query)).toThrow(/steps to fill, at most 1000000 are allowed/);
    }
    expect(() => open.range({ ...range, fill: "zero", fromUs: NOVEMBER_US - 11 * SECOND_US, pointsMax: 10 })).toThrow(
      /has 11 steps to fill, at most 10/,
    );
    expect(bodies).not.toHaveBeenCalled();
    const nothing = { seriesIds: Uint32Array.of(9), stepUs: SECOND_US, fill: "null", toUs: NOVEMBER_US } as const;
    expect(plain(open.range(nothing))).toEqual([[]]);
  } finally {
    bodies.mockRestore();
  }
});

test("a series is read no further than its answer may have rows", () => {
  using folder = tempDir("store");
  using open = openStore({ dir: folder.path, mergeRunsMin: 100 });
  for (let seq = 1; seq <= 10; seq++) {
    absorb(open, seq, pointsOf(1, 100, NOVEMBER_US + seq * 200 * SECOND_US));
    open.seal();
  }
  const bodies = spyOn(PeriodFile.prototype, "readBody");
  try {
    for (const stepUs of [0, SECOND_US]) {
      expect(() => open.range({ seriesIds: Uint32Array.of(1), stepUs, pointsMax: 150 })).toThrow(/at most 150/);
    }
    expect(bodies.mock.calls.length).toBe(2);
  } finally {
    bodies.mockRestore();
  }
});

test("a generation is closed by its bytes too, before it fills the memory of all", () => {
  using folder = tempDir("store");
  using open = openStore({ dir: folder.path, headBytesMax: 50_000 });
  absorb(open, 1, pointsOf(1, 1_000));
  expect(open.store.mustSeal).toBe(false);
  absorb(open, 2, pointsOf(1, 2_000, NOVEMBER_US + 1_000 * SECOND_US));
  expect(open.store.mustSeal).toBe(true);
});
