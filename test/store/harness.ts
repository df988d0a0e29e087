/** A store driven by hand, records for it, and a model of what it must answer that is too simple to be wrong. */
import { writeFileSync } from "node:fs";
import { encodeRecord, sealRecord } from "../../src/log/record.ts";
import { segmentHeader } from "../../src/log/segment.ts";
import type { LookAtDisk } from "../../src/store/disk.ts";
import type {
  Dropped,
  RangeQuery,
  RangeResult,
  StepFunction,
  StoreOpened,
  StoreOptions,
} from "../../src/store/protocol.ts";
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
  range(query: Partial<RangeQuery> & { seriesIds: Uint32Array }): RangeResult & { asked: number; isRaw: boolean };
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
    range: (query) => ({
      ...runToEnd(store.range({ ...EVERYTHING, ...query }, ENDLESS_SLICE)),
      asked: query.grouping?.groups ?? query.seriesIds.length,
      isRaw: (query.stepUs ?? 0) === 0,
    }),
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

  /** Rows of each asked series. */
  range({ seriesIds, fromUs, toUs, stepUs, func = "avg" }: RangeQuery): [number, number][][] {
    return [...seriesIds].map((id) => {
      const points = this.points(id, fromUs, toUs);
      if (stepUs === 0) return points;
      return rowsOfSteps(points, stepUs, func);
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

type Row = [timeUs: number, value: number];

/** Every step with points, by the definitions in proto/history.proto. */
export function rowsOfSteps(points: readonly Row[], stepUs: number, func: StepFunction): Row[] {
  const steps = Map.groupBy(points.keys(), (i) => points[i][0] - (points[i][0] % stepUs));
  const rows: Row[] = [];
  for (const [start, at] of steps) {
    const inStep = at.map((i) => points[i]);
    const value = valueOf(inStep, points[at[0] - 1] ?? inStep[0], func);
    if (!Number.isNaN(value)) rows.push([start, rounded(value)]);
  }
  return rows;
}

function valueOf(points: readonly Row[], before: Row, func: StepFunction): number {
  const values = points.map(([, value]) => value);
  const [lastUs, last] = points.at(-1)!;
  const sum = values.reduce((total, value) => total + value, 0);
  const avg = sum / values.length;
  switch (func) {
    case "last":
      return last;
    case "first":
      return values[0];
    case "min":
      return Math.min(...values);
    case "max":
      return Math.max(...values);
    case "sum":
      return sum;
    case "count":
      return values.length;
    case "avg":
      return avg;
    case "stddev":
      return Math.sqrt(values.reduce((total, value) => total + (value - avg) ** 2, 0) / values.length);
    case "delta":
      return last - before[1];
    case "increase":
      return increaseOf(values, before[1]);
    case "rate":
      return lastUs > before[0] ? increaseOf(values, before[1]) / ((lastUs - before[0]) / 1e6) : NaN;
    default: {
      const sorted = [...values].sort((a, b) => a - b);
      const rank = (Number(func.slice(1)) / 100) * (sorted.length - 1);
      const [below, above] = [sorted[Math.floor(rank)], sorted[Math.ceil(rank)]];
      return below + (above - below) * (rank % 1);
    }
  }
}

function increaseOf(values: readonly number[], before: number): number {
  let total = 0;
  for (const [i, value] of values.entries()) {
    const previous = i === 0 ? before : values[i - 1];
    total += value < previous ? value : value - previous;
  }
  return total;
}

/** Sums and differences of the same numbers in another order differ in their last bits. */
export function rounded(value: number): number {
  return Math.abs(value) < 1e6 ? Math.round(value * 1e8) / 1e8 : Number(value.toPrecision(12));
}

/** An answer in the model's form: the rows of each of the `asked` series or groups; raw values are not rounded. */
export function plain(
  result: RangeResult & { readonly asked?: number; readonly isRaw?: boolean },
  asked = result.asked ?? 0,
  isRaw = result.isRaw ?? false,
): Row[][] {
  const { slots, offsets, timesUs, values } = result;
  const rows: Row[][] = Array.from({ length: asked }, () => []);
  slots.forEach((slot, i) => {
    for (let row = offsets[i]; row < offsets[i + 1]; row++)
      rows[slot].push([timesUs[row], isRaw ? values[row] : rounded(values[row])]);
  });
  return rows;
}

export function plainLatest({ latest }: StoreOpened): [number, number, number][] {
  return [...latest.seriesIds].map((id, i) => [id, latest.timesUs[i], latest.values[i]]);
}
