/** The store against a naive model: seeded runs of writes, seals, merges, deletions, queries under way, crashes and reopenings. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { RangeQuery, StepFunction } from "../../src/store/protocol.ts";
import {
  DECEMBER_US,
  Model,
  NOVEMBER_US,
  openStore,
  plain,
  plainLatest,
  randomOf,
  recordOf,
  SHORTEST_SLICE,
  writeSegment,
  type Opened,
  type Point,
} from "./harness.ts";
import { tempDir } from "../support/server-process.ts";

const SERIES = 40;
const STEPS = 200;
const FUNCTIONS: readonly StepFunction[] = [
  "last",
  "first",
  "min",
  "max",
  "avg",
  "sum",
  "count",
  "stddev",
  "rate",
  "increase",
  "delta",
  "p50",
  "p99",
];

interface Running {
  readonly work: ReturnType<Opened["store"]["range"]>;
  readonly query: RangeQuery;
  /** What the query must find: the model as it stood when it was asked. */
  readonly asked: Model;
}

class Simulation {
  readonly #random: () => number;
  readonly #dir: string;
  readonly #model = new Model();
  readonly #retired = new Set<number>();
  /** Records the log would still hold. */
  #log: { seq: number; record: ArrayBuffer }[] = [];
  #open: Opened;
  #seq = 0;
  #clockUs = NOVEMBER_US + 25 * 86_400e6;
  #maintenance: Generator<void, void> | null = null;
  #running: Running[] = [];
  checks = 0;

  readonly #options: { dir: string; headPointsMax: number; rowPointsMin: number };

  /** Odd seeds have rollup rows for everything. */
  constructor(seed: number, dir: string) {
    this.#random = randomOf(seed);
    this.#dir = dir;
    this.#options = { dir, headPointsMax: 3000, rowPointsMin: seed % 2 === 1 ? 1 : 160 };
    this.#open = openStore(this.#options);
  }

  run(): void {
    for (let step = 0; step < STEPS; step++) {
      const dice = this.#random();
      if (dice < 0.45) this.#write();
      else if (dice < 0.65) this.#maintain(1 + this.#below(60));
      else if (dice < 0.8) this.#startQuery();
      else if (dice < 0.92) this.#advanceQueries(1 + this.#below(800));
      else if (dice < 0.95) this.#open.store.seal().catch(() => {});
      else if (dice < 0.96) this.#retire();
      else if (dice < 0.97) this.#open.store.compact().catch(() => {});
      else this.#reopen(this.#random() < 0.5);
    }
    this.#advanceQueries(Infinity);
    this.#reopen(false);
    this.#check(this.#query());
    this.#open.compact();
    this.#check(this.#query());
    expect(this.#open.damage).toEqual([]);
    expect(this.#open.trouble).toEqual([]);
    this.#open[Symbol.dispose]();
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  #write(): void {
    const points: Point[] = [];
    const count = 1 + this.#below(this.#random() < 0.3 ? 4000 : 300);
    const manner = this.#random();
    for (let i = 0; i < count; i++) {
      const id = manner < 0.2 ? 7 : this.#below(SERIES) * 3;
      this.#clockUs += 1_000_000 * this.#below(20);
      const late = this.#random() < (manner > 0.7 ? 0.6 : 0.05) ? this.#below(20 * 86_400) * 1e6 : 0;
      const atUs =
        this.#seq % 24 === 5 && i === 0 ? this.#strangeTimeUs() : Math.floor((this.#clockUs - late) / 1e6) * 1e6;
      points.push([id, atUs, this.#below(500) - 250]);
      if (this.#random() < 0.05) points.push(points[this.#below(points.length)]);
    }
    const record = recordOf(++this.#seq, points, { clockUntrusted: this.#random() < 0.02 });
    this.#log.push({ seq: this.#seq, record: record.slice(0) });
    this.#open.store.absorb(record);
    this.#model.write(points.filter(([id]) => !this.#retired.has(id)));
  }

  /** Points of a deleted series may still come, and nobody asks for it any more. */
  #retire(): void {
    const id = this.#below(SERIES) * 3;
    this.#retired.add(id);
    this.#model.series.delete(id);
    this.#open.store.retire(Uint32Array.of(id));
  }

  /** The first and the last months there can be, and the edges of months. */
  #strangeTimeUs(): number {
    const edges = [0, 1, 31 * 86_400e6, DECEMBER_US, Date.UTC(2028, 1, 29) * 1000, Date.UTC(2255, 4) * 1000];
    return Math.max(0, edges[this.#below(edges.length)] + this.#below(3) - 1);
  }

  #maintain(slices: number): void {
    for (let i = 0; i < slices; i++) {
      this.#maintenance ??= this.#open.store.maintain(SHORTEST_SLICE);
      if (this.#maintenance.next().done) this.#maintenance = null;
    }
  }

  #query(): RangeQuery {
    const ids = Array.from({ length: SERIES * 3 }, (_, id) => id)
      .filter(() => this.#random() < 0.3)
      .filter((id) => !this.#retired.has(id));
    const whole = this.#random() < 0.3;
    const fromUs = whole ? 0 : NOVEMBER_US + this.#below(50 * 86_400) * 1e6;
    const toUs = whole ? 2 ** 53 : fromUs + this.#below(20 * 86_400) * 1e6;
    const stepUs = [0, 0, 60e6, 3600e6, 30 * 86_400e6][this.#below(5)];
    const func = FUNCTIONS[this.#below(FUNCTIONS.length)];
    return { seriesIds: Uint32Array.from(ids), fromUs, toUs, stepUs, func, pointsMax: 1e9 };
  }

  #startQuery(): void {
    const query = this.#query();
    const work = this.#open.store.range(query, SHORTEST_SLICE);
    work.next();
    this.#running.push({ work, query, asked: this.#model.copy() });
  }

  #advanceQueries(slices: number): void {
    for (let i = 0; i < slices && this.#running.length > 0; i++) {
      const running = this.#running.shift()!;
      const { done, value } = running.work.next();
      if (!done) this.#running.push(running);
      else {
        expect(plain(value, running.query.seriesIds.length, running.query.stepUs === 0)).toEqual(
          running.asked.range(running.query),
        );
        this.checks++;
      }
    }
  }

  #check(query: RangeQuery): void {
    expect(plain(this.#open.range(query))).toEqual(this.#model.range(query));
  }

  /** A crash just leaves everything as it is; either way the log keeps what is not sealed, and may keep more. */
  #reopen(crash: boolean): void {
    for (const { work } of this.#running.splice(0)) work.return(undefined as never);
    this.#maintenance = null;
    if (!crash) this.#open.store.close();
    const sealedSeq = this.#open.sealed.at(-1) ?? -1;
    if (this.#random() < 0.7) this.#log = this.#log.filter(({ seq }) => seq > sealedSeq);
    const path = join(this.#dir, "log-1.wal");
    const segments = [
      writeSegment(
        path,
        this.#log.map(({ record }) => record),
      ),
    ];
    this.#open = openStore({ ...this.#options, segments, retired: Uint32Array.from(this.#retired) });
    expect(this.#open.opened.damage).toEqual([]);
    expect(plainLatest(this.#open.opened)).toEqual(this.#model.latest());
  }
}

describe("store against a naive model", () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    test(`seed ${seed}`, () => {
      using folder = tempDir("store");
      const simulation = new Simulation(seed, folder.path);
      simulation.run();
      expect(simulation.checks).toBeGreaterThan(10);
    });
  }
});

test("points of several months lie in a file each", () => {
  using folder = tempDir("store");
  using open = openStore({ dir: folder.path });
  const model = new Model();
  const points: Point[] = [
    [1, DECEMBER_US - 1, 1],
    [1, DECEMBER_US, 2],
    [1, NOVEMBER_US, 3],
    [1, 0, 4],
  ];
  open.store.absorb(recordOf(1, points));
  model.write(points);
  open.seal();
  expect(open.store.stats()).toMatchObject({ files: 3, headPoints: 0, blocks: 3, chunkPoints: 4 });
  const query = { seriesIds: Uint32Array.of(1), fromUs: NOVEMBER_US, toUs: DECEMBER_US, stepUs: 0, pointsMax: 10 };
  expect(plain(open.range(query))).toEqual(model.range(query));
});
