/** The points of one series, each once and in order of time, however they come. */
import { countBelow } from "./columns.ts";
import type { Column } from "../charts/plot-model.ts";

/** Points of one series, ascending in time; of the columns beside `values` all or none. */
export interface Points {
  readonly timesMs: Column;
  readonly values: Column;
  readonly mins?: Column;
  readonly maxs?: Column;
}

const ROOM = 64;
const NAMES = ["timesMs", "values", "mins", "maxs"] as const;
type Name = (typeof NAMES)[number];

/** Columns that grow at their end and are forgotten from their beginning, without being copied for each point. */
export class Line implements Points {
  #columns: Partial<Record<Name, Float64Array>> & { timesMs: Float64Array; values: Float64Array };
  #from = 0;
  #to = 0;

  constructor(points?: Points) {
    const room = (points?.timesMs.length ?? 0) + ROOM;
    const hasBand = points?.mins !== undefined;
    this.#columns = { timesMs: new Float64Array(room), values: new Float64Array(room) };
    if (hasBand) Object.assign(this.#columns, { mins: new Float64Array(room), maxs: new Float64Array(room) });
    if (points !== undefined) this.merge(points);
  }

  get length(): number {
    return this.#to - this.#from;
  }

  /** Views: what they show changes with the line. */
  get timesMs(): Float64Array {
    return this.#columns.timesMs.subarray(this.#from, this.#to);
  }

  get values(): Float64Array {
    return this.#columns.values.subarray(this.#from, this.#to);
  }

  get mins(): Float64Array {
    return (this.#columns.mins ?? this.#columns.values).subarray(this.#from, this.#to);
  }

  get maxs(): Float64Array {
    return (this.#columns.maxs ?? this.#columns.values).subarray(this.#from, this.#to);
  }

  get hasBand(): boolean {
    return this.#columns.mins !== undefined;
  }

  /** NaN of an empty one. */
  get lastMs(): number {
    return this.length === 0 ? NaN : this.#columns.timesMs[this.#to - 1];
  }

  /** NaN of an empty one. */
  get lastValue(): number {
    return this.length === 0 ? NaN : this.#columns.values[this.#to - 1];
  }

  /** How many points are later. */
  countAfter(timeMs: number): number {
    const at = this.#indexOf(timeMs);
    return this.#to - (at < this.#to && this.#columns.timesMs[at] === timeMs ? at + 1 : at);
  }

  /** Takes points in; of the same time the later taken stands. Returns how many are new. */
  merge(points: Points): number {
    const count = points.timesMs.length;
    if (count === 0) return 0;
    this.#makeRoom(count);
    const at = this.#indexOf(points.timesMs[0]);
    if (at === this.#to) return this.#append(points);
    const before = this.length;
    const rest = this.#slice(at, this.#to);
    const { timesMs } = this.#columns;
    this.#to = at;
    let [mine, theirs] = [0, 0];
    while (mine < rest.timesMs.length || theirs < count) {
      const isTheirs = theirs < count && !(rest.timesMs[mine] < points.timesMs[theirs]);
      if (isTheirs && rest.timesMs[mine] === points.timesMs[theirs]) mine++;
      const [source, index] = isTheirs ? [points, theirs++] : [rest, mine++];
      timesMs[this.#to] = source.timesMs[index];
      this.#put(source, index, this.#to++);
    }
    return this.length - before;
  }

  forgetBefore(timeMs: number): void {
    this.#from = this.#indexOf(timeMs);
  }

  /** In the columns: of the first point that is not before. What comes is mostly behind all. */
  #indexOf(timeMs: number): number {
    const { timesMs } = this.#columns;
    if (this.length === 0 || timesMs[this.#to - 1] < timeMs) return this.#to;
    return countBelow(timesMs, timeMs, this.#to, this.#from);
  }

  #append(points: Points): number {
    const count = points.timesMs.length;
    for (const name of NAMES) this.#columns[name]?.set(points[name] ?? points.values, this.#to);
    this.#to += count;
    return count;
  }

  #put(source: Points, from: number, to: number): void {
    const { values, mins, maxs } = this.#columns;
    values[to] = source.values[from];
    if (mins !== undefined) mins[to] = (source.mins ?? source.values)[from];
    if (maxs !== undefined) maxs[to] = (source.maxs ?? source.values)[from];
  }

  #slice(from: number, to: number): Points {
    const { timesMs, values, mins, maxs } = this.#columns;
    return {
      ...{ timesMs: timesMs.slice(from, to), values: values.slice(from, to) },
      ...(mins !== undefined && maxs !== undefined && { mins: mins.slice(from, to), maxs: maxs.slice(from, to) }),
    };
  }

  /** Moves to the front what there is, into larger columns where that is not enough. */
  #makeRoom(count: number): void {
    if (this.#to + count <= this.#columns.timesMs.length) return;
    const needed = this.length + count;
    const capacity = Math.max(ROOM, needed * 2);
    for (const name of NAMES) {
      const column = this.#columns[name];
      if (column === undefined) continue;
      const kept = column.subarray(this.#from, this.#to);
      const isRoomy = needed * 2 <= column.length;
      const next = isRoomy ? column : new Float64Array(capacity);
      next.set(kept);
      this.#columns[name] = next;
    }
    this.#to -= this.#from;
    this.#from = 0;
  }
}
