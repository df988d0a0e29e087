/** The probes of each series: of every rule that is bound to it, in a chain, by the rules' names: so a restart keeps the order. */
import { ProbeRows } from "./probe-rows.ts";
import type { Probe } from "./probe.ts";

export const NO_ROW = -1;
const ROOM_MIN = 64;

export class BoundProbes {
  readonly rows = new ProbeRows(ROOM_MIN);
  /** By series id: the row of the first. */
  #firsts = new Int32Array(ROOM_MIN).fill(NO_ROW);
  /** By row. */
  #nexts = new Int32Array(ROOM_MIN).fill(NO_ROW);
  readonly #probes: (Probe | null)[] = [];

  /** NO_ROW where there is none, as of {@link rowAfter}. */
  firstRowOf(seriesId: number): number {
    return seriesId < this.#firsts.length ? this.#firsts[seriesId] : NO_ROW;
  }

  rowAfter(row: number): number {
    return this.#nexts[row];
  }

  at(row: number): Probe {
    return this.#probes[row]!;
  }

  of(seriesId: number): Probe[] {
    const probes: Probe[] = [];
    for (let row = this.firstRowOf(seriesId); row !== NO_ROW; row = this.rowAfter(row)) probes.push(this.at(row));
    return probes;
  }

  /** A probe that has a row of {@link rows}. */
  add(probe: Probe): void {
    const { row, seriesId } = probe;
    this.#firsts = withRoomFor(this.#firsts, seriesId);
    this.#nexts = withRoomFor(this.#nexts, row);
    this.#probes[row] = probe;
    let before = NO_ROW;
    let next = this.#firsts[seriesId];
    while (next !== NO_ROW && nameOf(this.at(next)) < nameOf(probe)) [before, next] = [next, this.#nexts[next]];
    this.#nexts[row] = next;
    if (before === NO_ROW) this.#firsts[seriesId] = row;
    else this.#nexts[before] = row;
  }

  /** It has a row of its own from then on. */
  delete(probe: Probe): void {
    const { row, seriesId } = probe;
    const next = this.#nexts[row];
    if (this.#firsts[seriesId] === row) this.#firsts[seriesId] = next;
    else {
      let before = this.#firsts[seriesId];
      while (this.#nexts[before] !== row) before = this.#nexts[before];
      this.#nexts[before] = next;
    }
    this.#probes[row] = null;
    probe.leave();
  }
}

function nameOf({ instance }: Probe): string {
  return instance.rule.name;
}

function withRoomFor(rows: Int32Array<ArrayBuffer>, index: number): Int32Array<ArrayBuffer> {
  if (index < rows.length) return rows;
  const grown = new Int32Array(Math.max(index + 1, 2 * rows.length)).fill(NO_ROW);
  grown.set(rows);
  return grown;
}
