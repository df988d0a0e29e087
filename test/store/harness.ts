/** A store driven by hand, records for it, and a model of what it must answer that is too simple to be wrong. */
import { writeFileSync } from "node:fs";
import { encodeRecord, sealRecord } from "../../src/log/record.ts";
import { segmentHeader } from "../../src/log/segment.ts";
import type { LookAtDisk } from "../../src/store/disk.ts";
import type { Dropped, RangeQuery, RangeResult, StoreOpened, StoreOptions } from "../../src/store/protocol.ts";
import { ENDLESS_SLICE, runToEnd, type Slice } from "../../src/store/slice.ts";
import { Store, type StoreEvents } from "../../src/store/store.ts";
import { ManualClock } from "../support/manual-clock.ts";

export const NOVEMBER_US = Date.UTC(2026, 10) * 1000;
export const DECEMBER_US = Date.UTC(2026, 11) * 1000;
export const EVERYTHING = { fromUs: 0, toUs: 2 ** 53, stepUs: 0, pointsMax: 1e9 };

export type Point = readonly [seriesId: number, timeUs: number, value: number];

export interface RecordOptions {
  readonly arrivalMs?: number;
  readonly clockUntrusted?: boolean;
}

export function recordOf(seq: number, points: readonly Point[], options: RecordOptions = {}): ArrayBuffer {
  const frame = {
    seq,
    arrivalMs: options.arrivalMs ?? NOVEMBER_US / 1000 + seq * 700,
    clockUntrusted: options.clockUntrusted ?? false,
    count: points.length,
    seriesIds: Uint32Array.from(points, ([id]) => id),
    timesUs: Float64Array.from(points, ([, timeUs]) => timeUs),
    values: Float64Array.from(points, ([, , value]) => value),
  };
  const record = encodeRecord(frame, []);
  sealRecord(record);
  return record;
}

export function writeSegment(path: string, records: readonly ArrayBuffer[]): string {
  writeFileSync(path, Buffer.concat([segmentHeader(0), ...records.map((record) => new Uint8Array(record))]));
  return path;
}

/** Seeded; uniform in [0, 1). */
export function randomOf(seed: number): () => number {
  let state = seed * 2654435761 + 1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Opened extends Disposable {
  readonly store: Store;
  readonly opened: StoreOpened;
  readonly clock: ManualClock;
  readonly sealed: number[];
  readonly dropped: Dropped[];
  readonly damage: string[];
  readonly trouble: string[];
  /** Maintenance until nothing is left to do. */
  settle(): void;
  seal(): void;
  compact(): void;
  range(query: Partial<RangeQuery> & { seriesIds: Uint32Array }): RangeResult;
}

export interface OpenOptions extends Omit<StoreOptions, "segments"> {
  readonly segments?: readonly string[];
  readonly clock?: ManualClock;
  readonly lookAtDisk?: LookAtDisk;
}

export function openStore({ clock = new ManualClock(), lookAtDisk, ...options }: OpenOptions): Opened {
  const sealed: number[] = [];
  const dropped: Dropped[] = [];
  const damage: string[] = [];
  const trouble: string[] = [];
  const events: StoreEvents = {
    onSealed: ({ throughSeq }) => sealed.push(throughSeq),
    onDropped: (one) => dropped.push(one),
    onDamage: (sentence) => damage.push(sentence),
    onTrouble: (sentence) => trouble.push(sentence),
    onWork() {},
  };
  const { store, opened } = Store.open({ segments: [], ...options }, clock, events, lookAtDisk);
  const settle = () => runToEnd(store.maintain(ENDLESS_SLICE));
  return {
    store,
    opened,
    clock,
    sealed,
    dropped,
    damage,
    trouble,
    settle,
    seal() {
      store.seal().catch(() => {});
      settle();
    },
    compact() {
      store.compact().catch(() => {});
      settle();
    },
    range: (query) => runToEnd(store.range({ ...EVERYTHING, ...query }, ENDLESS_SLICE)),
    [Symbol.dispose]: () => store.close(),
  };
}

/** Over after every look at it: generators yield wherever they can. */
export const SHORTEST_SLICE: Slice = { over: () => true };

/** Series, to time, to value: an upsert is a set. */
export class Model {
  readonly series = new Map<number, Map<number, number>>();

  write(points: readonly Point[]): void {
    for (const [id, timeUs, value] of points) {
      let times = this.series.get(id);
      if (times === undefined) this.series.set(id, (times = new Map()));
      times.set(timeUs, value);
    }
  }

  copy(): Model {
    const copy = new Model();
    for (const [id, times] of this.series) copy.series.set(id, new Map(times));
    return copy;
  }

  points(id: number, fromUs: number, toUs: number): [number, number][] {
    const points = [...(this.series.get(id) ?? [])].filter(([timeUs]) => timeUs >= fromUs && timeUs < toUs);
    return points.sort(([a], [b]) => a - b);
  }

  range({ seriesIds, fromUs, toUs, stepUs }: RangeQuery): unknown[] {
    return [...seriesIds].map((id) => {
      const points = this.points(id, fromUs, toUs);
      return stepUs === 0 ? points : stepsOf(points, stepUs);
    });
  }

  latest(): [number, number, number][] {
    const latest: [number, number, number][] = [];
    for (const id of [...this.series.keys()].sort((a, b) => a - b)) {
      const [timeUs, value] = this.points(id, 0, Infinity).at(-1)!;
      latest.push([id, timeUs, value]);
    }
    return latest;
  }
}

function stepsOf(points: readonly [number, number][], stepUs: number): number[][] {
  const steps = new Map<number, number[]>();
  for (const [timeUs, value] of points) {
    const start = timeUs - (timeUs % stepUs);
    steps.set(start, [...(steps.get(start) ?? []), value]);
  }
  return [...steps].map(([start, values]) => [
    start,
    values.length,
    Math.min(...values),
    Math.max(...values),
    values.reduce((sum, value) => sum + value, 0),
    values[0],
    values.at(-1)!,
  ]);
}

/** An answer in the model's form. */
export function plain(result: RangeResult): unknown[] {
  const { seriesIds, offsets, timesUs, values, steps } = result;
  return [...seriesIds].map((_, i) => {
    const rows: number[][] = [];
    for (let row = offsets[i]; row < offsets[i + 1]; row++) {
      if (steps === null) rows.push([timesUs[row], values[row]]);
      else {
        const { counts, mins, maxs, sums, firsts, lasts } = steps;
        rows.push([timesUs[row], counts[row], mins[row], maxs[row], sums[row], firsts[row], lasts[row]]);
      }
    }
    return rows;
  });
}

export function plainLatest({ latest }: StoreOpened): [number, number, number][] {
  return [...latest.seriesIds].map((id, i) => [id, latest.timesUs[i], latest.values[i]]);
}
