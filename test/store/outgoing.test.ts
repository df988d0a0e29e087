/** What leaves a store in order of arrival, against a naive model. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { OUTGOING_START, type OutgoingPart, type OutgoingPlace } from "../../src/store/outgoing-protocol.ts";
import { ENDLESS_SLICE, runToEnd } from "../../src/store/slice.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { tempDir } from "../support/server-process.ts";
import {
  DECEMBER_US,
  Model,
  NOVEMBER_US,
  openStore,
  randomOf,
  recordOf,
  SHORTEST_SLICE,
  writeSegment,
  type Opened,
  type Point,
} from "./harness.ts";

const SERIES = 20;

/** A reader of a store that is sealed, merged, closed and killed meanwhile. */
class Simulation {
  readonly #random: () => number;
  readonly #dir: string;
  readonly #options: { dir: string; headPointsMax: number; rowPointsMin: number };
  readonly #crashes: boolean;
  readonly #model = new Model();
  readonly #receiver = new Model();
  /** By series: the sequence that was received last. */
  readonly #seen = new Map<string, number>();
  #log: { seq: number; record: ArrayBuffer }[] = [];
  #open: Opened;
  #seq = 0;
  #atUs = NOVEMBER_US + 28 * 86_400e6;
  /** As it is on the disk. */
  #acked: OutgoingPlace = OUTGOING_START;
  #read: OutgoingPlace = OUTGOING_START;
  #unacked: OutgoingPart[] = [];
  #asking: Generator<void, OutgoingPart> | null = null;
  #maintenance: Generator<void, void> | null = null;
  doubled = 0;

  constructor(seed: number, dir: string, crashes: boolean) {
    this.#random = randomOf(seed);
    this.#dir = dir;
    this.#crashes = crashes;
    this.#options = { dir, headPointsMax: 6000, rowPointsMin: 1e9 };
    this.#open = openStore({ ...this.#options, unsentFrom: 0 });
  }

  run(): void {
    for (let step = 0; step < 250; step++) {
      const dice = this.#random();
      if (dice < 0.35) this.#write();
      else if (dice < 0.6) this.#maintain(1 + this.#below(80));
      else if (dice < 0.93) for (let i = this.#below(15); i >= 0; i--) this.#step();
      else if (dice < 0.96) this.#open.store.seal().catch(() => {});
      else if (dice < 0.98) this.#open.store.compact().catch(() => {});
      else if (this.#crashes) this.#reopen(this.#random() < 0.6);
    }
    this.#maintenance?.return();
    this.#open.settle();
    for (let i = 0; i < 1e5 && !(this.#read.seq > this.#seq && this.#unacked.length === 0); i++) this.#step();
    expect(this.#receiver.series).toEqual(this.#model.series);
    expect(this.#open.damage).toEqual([]);
    expect(this.#open.trouble).toEqual([]);
    this.#open[Symbol.dispose]();
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  /** Now and then a value is corrected; every value has its sequence in it, so the reader can be seen to read twice. */
  #write(): void {
    const seq = ++this.#seq;
    const count = 1 + this.#below(this.#random() < 0.1 ? 2_000 : 300);
    const points: Point[] = [];
    for (let i = 0; i < count; i++) {
      this.#atUs += 1_000_000 * (1 + this.#below(40));
      const lateUs = this.#random() < 0.1 ? this.#below(10 * 86_400) * 1e6 : 0;
      points.push([1 + this.#below(SERIES), this.#atUs - lateUs, seq + i / 10_000]);
    }
    const record = recordOf(seq, points);
    this.#log.push({ seq, record: record.slice(0) });
    this.#open.store.absorb(record);
    this.#model.write(points);
  }

  #step(): void {
    if (this.#unacked.length > 0 && this.#random() < 0.5) {
      this.#acked = this.#unacked.shift()!.next;
      return;
    }
    if (this.#unacked.length > 2) return;
    const query = { place: this.#read, sentSeq: this.#acked.seq, seriesIds: null, rowsMax: 1 + this.#below(500) };
    this.#asking ??= this.#open.store.backlog.outgoing.part(query, SHORTEST_SLICE);
    for (let slices = this.#below(100); slices >= 0; slices--) {
      const { done, value } = this.#asking.next();
      if (!done) continue;
      this.#asking = null;
      this.#receive(value);
      this.#read = value.next;
      this.#unacked.push(value);
      return;
    }
  }

  #receive({ seriesIds, timesUs, values }: OutgoingPart): void {
    const points = [...seriesIds].map((id, i): Point => [id, timesUs[i], values[i]]);
    for (const [id, timeUs, value] of points) {
      const key = `${id} ${timeUs} ${value}`;
      if (this.#seen.has(key)) this.doubled++;
      this.#seen.set(key, 1);
    }
    this.#receiver.write(points);
  }

  #maintain(slices: number): void {
    for (let i = 0; i < slices; i++) {
      this.#maintenance ??= this.#open.store.maintain(SHORTEST_SLICE);
      if (this.#maintenance.next().done) this.#maintenance = null;
    }
  }

  /** A crash leaves everything as it is; the log keeps what is not sealed, and may keep more. */
  #reopen(crash: boolean): void {
    this.#asking?.return(undefined as never);
    [this.#asking, this.#maintenance, this.#unacked, this.#read] = [null, null, [], this.#acked];
    if (!crash) this.#open.store.close();
    const sealedSeq = this.#open.sealed.at(-1) ?? -1;
    if (this.#random() < 0.7) this.#log = this.#log.filter(({ seq }) => seq > sealedSeq);
    const segments = [
      writeSegment(
        join(this.#dir, "log-1.wal"),
        this.#log.map(({ record }) => record),
      ),
    ];
    this.#open = openStore({ ...this.#options, segments, unsentFrom: this.#acked.seq });
    expect(this.#open.opened.damage).toEqual([]);
  }
}

describe("everything leaves in order of arrival", () => {
  for (const seed of [1, 2, 3, 4]) {
    test(`once, whatever is sealed and merged meanwhile; seed ${seed}`, () => {
      using folder = tempDir("outgoing");
      const simulation = new Simulation(seed, folder.path, false);
      simulation.run();
      expect(simulation.doubled).toBe(0);
    });
    test(`at least once where the store is closed and killed; seed ${seed}`, () => {
      using folder = tempDir("outgoing");
      new Simulation(seed, folder.path, true).run();
    });
  }
});

test("a crash costs no more than what was on its way", () => {
  using folder = tempDir("outgoing");
  const options = { dir: folder.path, unsentFrom: 0 };
  const open = openStore(options);
  for (let seq = 1; seq <= 10; seq++) open.store.absorb(recordOf(seq, [[1, NOVEMBER_US + seq * 1e6, seq]]));
  const part = (from: Opened, place: OutgoingPlace, sentSeq: number) =>
    runToEnd(from.store.backlog.outgoing.part({ place, sentSeq, seriesIds: null, rowsMax: 4 }, ENDLESS_SLICE));
  const first = part(open, OUTGOING_START, 0);
  const second = part(open, first.next, first.next.seq);
  expect([first, second].map(({ values }) => [...values])).toEqual([
    [1, 2, 3, 4],
    [5, 6, 7, 8],
  ]);
  open.seal();
  using again = openStore({ ...options, unsentFrom: first.next.seq });
  const third = part(again, first.next, first.next.seq);
  expect([...third.values]).toEqual([5, 6, 7, 8]);
  expect([...part(again, third.next, third.next.seq).values]).toEqual([9, 10]);
  open.store.close();
});

test("what is sealed while it is read is read once", () => {
  for (let slices = 0; slices < 12; slices++) {
    using folder = tempDir("outgoing");
    using open = openStore({ dir: folder.path, unsentFrom: 0 });
    for (let seq = 1; seq <= 9; seq++) open.store.absorb(recordOf(seq, [[seq % 3, NOVEMBER_US + seq * 1e6, seq]]));
    const read: number[] = [];
    let place = OUTGOING_START;
    const readOn = () => {
      const query = { place, sentSeq: 0, seriesIds: null, rowsMax: 2 };
      const part = runToEnd(open.store.backlog.outgoing.part(query, ENDLESS_SLICE));
      read.push(...part.values);
      place = part.next;
    };
    readOn();
    open.store.seal().catch(() => {});
    const sealing = open.store.maintain(SHORTEST_SLICE);
    for (let i = 0; i < slices; i++) sealing.next();
    readOn();
    runToEnd(sealing);
    for (let i = 0; i < 8; i++) readOn();
    expect(read.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  }
});

test("what retention takes before it was sent is told", () => {
  using folder = tempDir("outgoing");
  let usedBytes = 0;
  const retention = {
    rawMs: Infinity,
    rollup1mMs: "auto",
    rollup1hMs: Infinity,
    budgetBytes: 100,
    freeFloor: 0,
  } as const;
  using open = openStore({
    ...{ dir: folder.path, clock: new ManualClock(), retention, unsentFrom: 4 },
    lookAtDisk: () => ({ usedBytes, freeBytes: 1e12, totalBytes: 1e12 }),
  });
  for (let seq = 1; seq <= 10; seq++) {
    const month = seq % 2 === 0 ? NOVEMBER_US : DECEMBER_US;
    open.store.absorb(recordOf(seq, [[1, month + seq * 1e6, seq]]));
  }
  open.seal();
  usedBytes = 101;
  open.store.retain();
  runToEnd(open.store.maintain({ over: () => false }));
  expect(open.dropped[0]).toMatchObject({ points: 5, undelivered: { points: 0 }, unsent: { points: 4 } });
});
