/** Points by arrival, and what stood, against a naive model: late data, overwrites, seals, merges, crashes. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { ArrivalQuery, ArrivalResult } from "../../src/store/protocol.ts";
import { runToEnd } from "../../src/store/slice.ts";
import { tempDir } from "../support/server-process.ts";
import { NOVEMBER_US, openStore, randomOf, recordOf, SHORTEST_SLICE, writeSegment } from "./harness.ts";
import type { Opened, Point } from "./harness.ts";

const SERIES = 12;
const START_S = NOVEMBER_US / 1e6 + 10 * 86_400;

interface Write {
  readonly id: number;
  readonly timeUs: number;
  readonly value: number;
  readonly arrivalS: number;
}

type Row = readonly [slot: number, timeUs: number, value: number, arrivalS: number];

class Simulation {
  readonly #random: () => number;
  readonly #dir: string;
  /** In order of writing; what repeats the value that stands is none. */
  readonly #writes: Write[] = [];
  readonly #standing = new Map<string, number>();
  #log: { seq: number; record: ArrayBuffer }[] = [];
  #open: Opened;
  #seq = 0;
  #nowS = START_S;
  rows = 0;

  constructor(seed: number, dir: string) {
    this.#random = randomOf(seed);
    this.#dir = dir;
    this.#open = openStore({ dir, headPointsMax: 800 });
  }

  run(): void {
    for (let step = 0; step < 200; step++) {
      const dice = this.#random();
      if (dice < 0.5) this.#write();
      else if (dice < 0.6) this.#open.settle();
      else if (dice < 0.66) this.#open.seal();
      else if (dice < 0.7) this.#open.compact();
      else if (dice < 0.76) this.#reopen(this.#random() < 0.5);
      else if (dice < 0.9) this.#checkArrivals();
      else this.#checkStanding();
    }
    this.#checkArrivals();
    this.#checkStanding();
    expect(this.#open.damage).toEqual([]);
    this.#open[Symbol.dispose]();
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  #write(): void {
    // Several records within a second, and seconds without any.
    this.#nowS += this.#random() < 0.3 ? 0 : 1 + this.#below(this.#random() < 0.1 ? 5000 : 4);
    const arrivalMs = this.#nowS * 1000 + this.#below(1000);
    const points = new Map<string, Point>();
    const count = 1 + this.#below(this.#random() < 0.1 ? 500 : 40);
    for (let i = 0; i < count; i++) {
      const id = 1 + 2 * this.#below(SERIES);
      const lateS = this.#random() < 0.2 ? this.#below(15 * 86_400) : this.#below(20) - 2;
      const earlier = this.#writes[this.#below(this.#writes.length)];
      const isAgain = earlier !== undefined && this.#random() < 0.2;
      const point: Point = isAgain
        ? [earlier.id, earlier.timeUs, this.#below(3)]
        : [id, (this.#nowS - lateS) * 1e6 + this.#below(3) * 1000, this.#below(3)];
      points.set(`${point[0]} ${point[1]}`, point);
    }
    const record = recordOf(++this.#seq, [...points.values()], { arrivalMs });
    this.#log.push({ seq: this.#seq, record: record.slice(0) });
    this.#open.store.absorb(record);
    for (const [name, [id, timeUs, value]] of points) {
      if (this.#standing.get(name) === value) continue;
      this.#standing.set(name, value);
      this.#writes.push({ id, timeUs, value, arrivalS: this.#nowS });
    }
  }

  #ids(): number[] {
    return Array.from({ length: 2 * SERIES + 2 }, (_, id) => id).filter(() => this.#random() < 0.6);
  }

  #checkArrivals(): void {
    const ids = this.#ids();
    const isAll = this.#random() < 0.2;
    const fromS = isAll ? 0 : START_S + this.#below(this.#nowS - START_S + 2);
    const toS = isAll ? 2 ** 32 : fromS + this.#below(300);
    const hasTimes = this.#random() < 0.3;
    const fromUs = hasTimes ? (fromS - this.#below(86_400)) * 1e6 : 0;
    const toUs = hasTimes ? fromUs + this.#below(86_400) * 1e6 : 2 ** 53;
    // Each part looks at all of the range again.
    const partRows = [isAll ? 700 : 30, isAll ? 60_000 : 200][this.#below(2)];
    const found: Row[] = [];
    let next: ArrivalResult["next"] = { fromS, fromSlot: 0 };
    while (next !== null) {
      const query: ArrivalQuery = { seriesIds: Uint32Array.from(ids), ...next, toS, fromUs, toUs, partRows };
      const part: ArrivalResult = runToEnd(this.#open.store.reading.arrivals(query, SHORTEST_SLICE));
      expect(part.isDamaged).toBe(false);
      const { slots, timesUs, values, arrivalsS } = part;
      const places = new Set(Array.from(slots, (slot, i) => `${slot} ${arrivalsS[i]}`));
      expect(slots.length <= partRows || places.size === 1).toBe(true);
      slots.forEach((slot, i) => found.push([slot, timesUs[i], values[i], arrivalsS[i]]));
      next = part.next;
    }
    const wanted = this.#kept()
      .filter(({ id, arrivalS }) => ids.includes(id) && arrivalS >= fromS && arrivalS < toS)
      .filter(({ timeUs }) => timeUs >= fromUs && timeUs < toUs)
      .map(({ id, timeUs, value, arrivalS }): Row => [ids.indexOf(id), timeUs, value, arrivalS]);
    expect(found).toEqual(wanted.sort((a, b) => a[3] - b[3] || a[0] - b[0] || a[1] - b[1]));
    this.rows += found.length;
  }

  /** Of writes that came again within a second, after others, the last one is kept: as after a crash, nobody can tell. */
  #kept(): Write[] {
    const later = new Set<string>();
    const kept = this.#writes.toReversed().filter(({ id, timeUs, value, arrivalS }) => {
      const name = [id, timeUs, value, arrivalS].join();
      return !later.has(name) && later.add(name);
    });
    const standing = new Map<string, number>();
    return kept.toReversed().filter(({ id, timeUs, value }) => {
      const isRepeat = standing.get(`${id} ${timeUs}`) === value;
      standing.set(`${id} ${timeUs}`, value);
      return !isRepeat;
    });
  }

  #checkStanding(): void {
    const ids = this.#ids();
    const arrivedBeforeS = this.#random() < 0.3 ? Infinity : START_S + this.#below(this.#nowS - START_S + 2);
    const beforeUs = this.#random() < 0.5 ? Infinity : (START_S + this.#below(this.#nowS - START_S + 2)) * 1e6;
    const query = { seriesIds: Uint32Array.from(ids), arrivedBeforeS, beforeUs };
    const { timesUs, values } = runToEnd(this.#open.store.reading.standing(query, SHORTEST_SLICE));
    const wanted = ids.map((asked) => {
      const known = this.#writes.filter(({ id, arrivalS }) => id === asked && arrivalS < arrivedBeforeS);
      const latest = known
        .filter(({ timeUs }) => timeUs < beforeUs)
        .reduce<Write | null>((best, one) => (best === null || one.timeUs >= best.timeUs ? one : best), null);
      return [latest?.timeUs ?? NaN, latest?.value ?? NaN];
    });
    expect(ids.map((_, slot) => [timesUs[slot], values[slot]])).toEqual(wanted);
  }

  #reopen(crash: boolean): void {
    if (!crash) this.#open.store.close();
    const sealedSeq = this.#open.sealed.at(-1) ?? -1;
    if (this.#random() < 0.6) this.#log = this.#log.filter(({ seq }) => seq > sealedSeq);
    const records = this.#log.map(({ record }) => record);
    const segments = [writeSegment(join(this.#dir, "log-1.wal"), records)];
    this.#open = openStore({ dir: this.#dir, headPointsMax: 800, segments });
  }
}

describe("points by arrival against a naive model", () => {
  for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
    test(`seed ${seed}`, () => {
      using folder = tempDir("store");
      const simulation = new Simulation(seed, folder.path);
      simulation.run();
      expect(simulation.rows).toBeGreaterThan(1000);
    });
  }
});

test("a full page of the head that a query has put in order by series tells the same", () => {
  using folder = tempDir("store");
  using open = openStore({ dir: folder.path });
  const wanted: Row[] = [];
  for (let seq = 0; seq < 20; seq++) {
    const arrivalS = START_S + seq;
    const points = Array.from({ length: 4000 }, (_, i): Point => [1 + (i % 2), arrivalS * 1e6 + i, seq]);
    open.store.absorb(recordOf(seq + 1, points, { arrivalMs: arrivalS * 1000 }));
    if (seq !== 7) continue;
    for (const [id, timeUs, value] of points) if (id === 2) wanted.push([0, timeUs, value, arrivalS]);
  }
  open.range({ seriesIds: Uint32Array.of(1) });
  const query = { seriesIds: Uint32Array.of(2), fromS: START_S + 7, toS: START_S + 8, fromUs: 0, toUs: 2 ** 53 };
  const work = open.store.reading.arrivals({ ...query, partRows: 60_000 }, SHORTEST_SLICE);
  const { slots, timesUs, values, arrivalsS } = runToEnd(work);
  expect(Array.from(slots, (slot, i) => [slot, timesUs[i], values[i], arrivalsS[i]])).toEqual(wanted as never);
});
