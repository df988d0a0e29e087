/** A store that keeps frames as they came and looks at all of them for every question. */
import { blockOfFrame } from "../../../src/codec/frame-block.ts";
import type { Frame } from "../../../src/model/frame.ts";
import {
  hasAllOf,
  sequencesWithin,
  withSequences,
  type SequenceRange,
  type SequenceRanges,
} from "../../../src/model/sequence-ranges.ts";
import type { UpstreamStore } from "../../../src/edge/upstream/upstream-store.ts";
import type { RangeQuery, RangeResult } from "../../../src/store/protocol.ts";
import type {
  BacklogCursor,
  BacklogPart,
  BacklogQuery,
  SequencesHeld,
  UnreadableRows,
} from "../../../src/store/backlog-protocol.ts";

interface Row {
  readonly seq: number;
  readonly seriesId: number;
  readonly timeUs: number;
  readonly value: number;
  readonly arrivalMs: number;
}

export class NaiveStore implements UpstreamStore {
  readonly rows: Row[] = [];
  readonly #standing = new Map<string, Row>();
  #looked = 0;
  #lastLooked: Row | undefined;
  endSeq = 0;
  undeliveredRanges: SequenceRanges = [];
  /** Sequences of a unit, and rows of a part. */
  unitSeqs = 4;
  partRows = 5;
  /** A part with rows of these cannot be read by whoever gets it. */
  damagedSeqs: SequenceRange | null = null;
  /** Of every part. */
  unreadable: readonly UnreadableRows[] = [];
  /** Resolves when an answer may come. */
  hold: () => Promise<void> = async () => {};

  absorb({ seq, arrivalMs, count, seriesIds, timesUs, values }: Frame): void {
    for (let i = 0; i < count; i++)
      this.rows.push({ seq, seriesId: seriesIds[i], timeUs: timesUs[i], value: values[i], arrivalMs });
    this.endSeq = seq + 1;
  }

  /** The last write of each series and time. It is asked for often: only rows that came since are looked at again. */
  standing(): ReadonlyMap<string, Row> {
    const { rows } = this;
    if (this.#looked > rows.length || rows[this.#looked - 1] !== this.#lastLooked) {
      this.#standing.clear();
      this.#looked = 0;
    }
    for (; this.#looked < rows.length; this.#looked++) {
      const row = rows[this.#looked];
      this.#standing.set(`${row.seriesId}@${row.timeUs}`, row);
    }
    this.#lastLooked = rows[this.#looked - 1];
    return this.#standing;
  }

  setUndelivered(ranges: SequenceRanges): void {
    this.undeliveredRanges = ranges;
  }

  async undelivered({ ranges, seriesIds, cursor }: BacklogQuery): Promise<BacklogPart> {
    // The unit being sent ends at `headSeq`, `headRow` rows of it were looked at.
    const at = { block: null, chunk: 0, toldSeq: 0 };
    const {
      endSeq,
      headSeq: beforeSeq,
      headRow: row,
    } = cursor ?? { endSeq: this.endSeq, headSeq: Infinity, headRow: 0 };
    const nothing = {
      block: null,
      sequences: null,
      delivered: [],
      replaced: 0,
      unreadable: this.unreadable,
      next: null,
    };
    const wanted = sequencesWithin(ranges, 0, Math.min(endSeq, beforeSeq));
    const last = wanted.at(-1);
    const standing = this.standing();
    if (last === undefined) return this.#answered(nothing);
    const from = Math.max(last[0], last[1] - this.unitSeqs);
    const own = this.rows.filter(({ seq }) => seq >= from && seq < last[1]);
    const isWanted = (each: Row) =>
      standing.get(`${each.seriesId}@${each.timeUs}`) === each &&
      (seriesIds === null || seriesIds.includes(each.seriesId));
    // Rows that are replaced between two questions must not shift those behind them.
    const sent: Row[] = [];
    let rowsEnd = row;
    while (rowsEnd < own.length && sent.length < this.partRows) {
      const each = own[rowsEnd++];
      if (isWanted(each)) sent.push(each);
    }
    const isLast = !own.slice(rowsEnd).some(isWanted);
    const next: BacklogCursor = isLast
      ? { ...at, endSeq, headSeq: from, headRow: 0 }
      : { ...at, endSeq, headSeq: last[1], headRow: rowsEnd };
    const isOver = isLast && sequencesWithin(wanted, 0, from).length === 0;
    return this.#answered({
      ...nothing,
      block: sent.length === 0 ? null : this.#isDamaged(sent) ? damaged(blockOf(sent)) : blockOf(sent),
      sequences: [from, last[1]],
      delivered: isLast ? [[from, last[1]]] : [],
      next: isOver ? null : next,
    });
  }

  /** Averages of steps alone. */
  async range({ seriesIds, fromUs, toUs, stepUs }: RangeQuery): Promise<RangeResult> {
    const [timesUs, values, offsets, slots]: number[][] = [[], [], [0], []];
    seriesIds.forEach((id, slot) => {
      const windows = new Map<number, number[]>();
      for (const { seriesId, timeUs, value } of this.standing().values()) {
        if (seriesId !== id || timeUs < fromUs || timeUs >= toUs) continue;
        const startUs = Math.floor(timeUs / stepUs) * stepUs;
        windows.set(startUs, [...(windows.get(startUs) ?? []), value]);
      }
      if (windows.size === 0) return;
      for (const [startUs, of] of [...windows].sort(([a], [b]) => a - b)) {
        timesUs.push(startUs);
        values.push(of.reduce((sum, value) => sum + value, 0) / of.length);
      }
      slots.push(slot);
      offsets.push(values.length);
    });
    return {
      ...{ slots: Uint32Array.from(slots), offsets: Uint32Array.from(offsets) },
      ...{ timesUs: Float64Array.from(timesUs), values: Float64Array.from(values) },
      ...{ resolutionUs: 0, isCoarse: false, isDamaged: false, pointsRead: 0, next: null },
    };
  }

  async countUndelivered(ranges: SequenceRanges): Promise<SequencesHeld> {
    const held = this.rows.filter(({ seq }) => hasAllOf(ranges, seq, seq + 1));
    const ids = [...new Set(held.map(({ seriesId }) => seriesId))].sort((a, b) => a - b);
    const timesOf = (id: number) => held.filter(({ seriesId }) => seriesId === id).map(({ timeUs }) => timeUs);
    return {
      points: held.length,
      bytes: held.length * 10,
      fromUs: Math.min(...held.map(({ timeUs }) => timeUs)),
      toUs: Math.max(...held.map(({ timeUs }) => timeUs)),
      arrivalFromS: Math.floor(Math.min(...held.map(({ arrivalMs }) => arrivalMs)) / 1_000),
      bySeries: {
        seriesIds: Uint32Array.from(ids),
        points: Float64Array.from(ids, (id) => timesOf(id).length),
        fromUs: Float64Array.from(ids, (id) => Math.min(...timesOf(id))),
        toUs: Float64Array.from(ids, (id) => Math.max(...timesOf(id))),
      },
    };
  }

  async sequencesOf(fromUs: number, toUs: number): Promise<SequenceRanges> {
    return this.rows
      .filter(({ timeUs }) => timeUs >= fromUs && timeUs < toUs)
      .reduce((all: SequenceRanges, { seq }) => withSequences(all, seq, seq + 1), []);
  }

  #isDamaged(rows: readonly Row[]): boolean {
    const [from, to] = this.damagedSeqs ?? [0, 0];
    return rows.some(({ seq }) => seq >= from && seq < to);
  }

  async #answered(part: BacklogPart): Promise<BacklogPart> {
    await this.hold();
    return part;
  }
}

function damaged(block: ReturnType<typeof blockOf>): ReturnType<typeof blockOf> {
  return { ...block, body: block.body.map((byte) => byte ^ 0xff) };
}

function blockOf(rows: readonly Row[]): NonNullable<BacklogPart["block"]> {
  const columns = {
    count: rows.length,
    seriesIds: Uint32Array.from(rows, ({ seriesId }) => seriesId),
    timesUs: Float64Array.from(rows, ({ timeUs }) => timeUs),
    values: Float64Array.from(rows, ({ value }) => value),
  };
  return { ...blockOfFrame(columns, 1), points: rows.length };
}
