/** What a store has not delivered, drained newest first by a receiver that forgets nothing, against a naive model. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { withoutSequences, withSequences, type SequenceRanges } from "../../src/model/sequence-ranges.ts";
import type { BacklogCursor, BacklogPart } from "../../src/store/store-client.ts";
import { runToEnd } from "../../src/store/slice.ts";
import {
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
import { plainSeries, pointsOf, queryOf } from "./backlog-rig.ts";
import { tempDir } from "../support/server-process.ts";

const ALL: SequenceRanges = [[0, Infinity]];
const SERIES = 30;

/** Sender, wire and receiver around a store; sequences are delivered when the receiver has what the sender was told of them. */
class Simulation {
  readonly #random: () => number;
  readonly #dir: string;
  readonly #options: { dir: string; headPointsMax: number; rowPointsMin: number };
  /** By series and minute: the last that came live. */
  readonly #liveSeqs = new Map<number, number>();
  #log: { seq: number; record: ArrayBuffer }[] = [];
  readonly #model = new Model();
  readonly #receiver = new Model();
  readonly #retired = new Set<number>();
  /** As the sender keeps it on disk. */
  #ranges: SequenceRanges = ALL;
  #told: SequenceRanges = ALL;
  #pass: { readonly ranges: SequenceRanges; cursor: BacklogCursor | null; readonly unacked: BacklogPart[] } | null =
    null;
  #open: Opened;
  #seq = 0;
  #clockUs = NOVEMBER_US + 25 * 86_400e6;
  #maintenance: Generator<void, void> | null = null;
  #asking: { readonly work: Generator<void, BacklogPart> } | null = null;
  passes = 0;

  constructor(seed: number, dir: string) {
    this.#random = randomOf(seed);
    this.#dir = dir;
    this.#options = { dir, headPointsMax: 3000, rowPointsMin: 1e9 };
    this.#open = openStore({ ...this.#options, undelivered: this.#told });
  }

  run(): void {
    for (let step = 0; step < 300; step++) {
      const dice = this.#random();
      if (dice < 0.3) this.#write();
      else if (dice < 0.55) this.#maintain(1 + this.#below(80));
      else if (dice < 0.9) for (let i = this.#below(60); i >= 0; i--) this.#send();
      else if (dice < 0.92) this.#open.store.seal().catch(() => {});
      else if (dice < 0.94) this.#open.store.compact().catch(() => {});
      else if (dice < 0.955) this.#resend();
      else if (dice < 0.965) this.#retire();
      else if (dice < 0.98) this.#reopen(this.#random() < 0.5);
      else this.#pass = null;
    }
    this.#live();
    this.#pass = null;
    for (let i = 0; i < 1e6 && (this.#ranges.length > 0 || this.#pass !== null); i++) this.#send();
    expect(this.#ranges).toEqual([]);
    expect(plainSeries(this.#receiver)).toEqual(plainSeries(this.#model));
    expect(this.#open.damage).toEqual([]);
    expect(this.#open.trouble).toEqual([]);
    this.#open[Symbol.dispose]();
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  #write(): void {
    const points: Point[] = [];
    const count = 1 + this.#below(this.#random() < 0.15 ? 10_000 : 300);
    const manner = this.#random();
    for (let i = 0; i < count; i++) {
      const id = manner < 0.2 ? 7 : this.#below(SERIES) * 3;
      this.#clockUs += 1_000_000 * this.#below(20);
      const late = this.#random() < (manner > 0.7 ? 0.6 : 0.02) ? this.#below(20 * 86_400) * 1e6 : 0;
      points.push([id, Math.floor((this.#clockUs - late) / 60e6) * 60e6, this.#below(500) - 250]);
    }
    const record = recordOf(++this.#seq, points);
    this.#log.push({ seq: this.#seq, record: record.slice(0) });
    this.#open.store.absorb(record);
    this.#model.write(points.filter(([id]) => !this.#retired.has(id)));
    if (this.#random() < 0.5) this.#live(points);
  }

  /** The newest record goes at once; with the range left open at its end, so does what is still to come. */
  #live(points?: readonly Point[]): void {
    if (points !== undefined) {
      this.#receive(points, this.#seq, true);
      this.#setRanges(withoutSequences(this.#ranges, this.#seq, this.#seq + 1));
    } else {
      this.#setRanges(withoutSequences(this.#ranges, this.#seq + 1, Infinity));
    }
  }

  /** What came live is not replaced by what was sent before it: sequences say which is newer. */
  #receive(points: readonly Point[], seq: number, isLive = false): void {
    const kept = points.filter(([id, timeUs]) => {
      const key = id * 2 ** 20 + (timeUs - NOVEMBER_US) / 60e6;
      if (this.#retired.has(id) || (this.#liveSeqs.get(key) ?? -1) >= seq + (isLive ? 1 : 0)) return false;
      if (isLive) this.#liveSeqs.set(key, seq);
      return true;
    });
    this.#receiver.write(kept);
  }

  #setRanges(ranges: SequenceRanges): void {
    this.#ranges = ranges;
    if (this.#random() < 0.3) this.#tell();
  }

  #tell(): void {
    this.#told = this.#ranges;
    this.#open.store.setUndelivered(this.#told);
  }

  #resend(): void {
    const fromUs = NOVEMBER_US + this.#below(40 * 86_400) * 1e6;
    const found = runToEnd(this.#open.store.backlog.sequencesOf(fromUs, fromUs + 86_400e6, SHORTEST_SLICE));
    for (const [from, to] of found) this.#ranges = withSequences(this.#ranges, from, to);
    this.#tell();
    this.#pass = null;
    this.#asking = null;
  }

  /** Asks for a part slice by slice; acks some of what is on its way. */
  #send(): void {
    if (this.#pass === null) {
      this.#tell();
      this.#pass = { ranges: this.#ranges, cursor: null, unacked: [] };
      this.#asking = null;
      this.passes++;
    }
    const pass = this.#pass;
    if (pass.unacked.length > 0 && this.#random() < 0.5) {
      const part = pass.unacked.shift()!;
      this.#receive(pointsOf(part), part.sequences?.[1] ?? 0);
      for (const [from, to] of part.delivered) this.#setRanges(withoutSequences(this.#ranges, from, to));
      if (part.next === null) this.#pass = null;
      return;
    }
    if (pass.unacked.length > 3 || pass.unacked.at(-1)?.next === null) return;
    const ranges = this.#random() < 0.5 ? pass.ranges : withoutAdded(pass.ranges, this.#ranges);
    const query = queryOf({ ranges, cursor: pass.cursor });
    this.#asking ??= { work: this.#open.store.backlog.part(query, SHORTEST_SLICE) };
    for (let slices = this.#below(200); slices >= 0; slices--) {
      const { done, value } = this.#asking.work.next();
      if (!done) continue;
      this.#asking = null;
      pass.unacked.push(value);
      pass.cursor = value.next;
      break;
    }
  }

  #retire(): void {
    const id = this.#below(SERIES) * 3;
    this.#retired.add(id);
    this.#model.series.delete(id);
    this.#receiver.series.delete(id);
    this.#open.store.retire(Uint32Array.of(id));
  }

  #maintain(slices: number): void {
    for (let i = 0; i < slices; i++) {
      this.#maintenance ??= this.#open.store.maintain(SHORTEST_SLICE);
      if (this.#maintenance.next().done) this.#maintenance = null;
    }
  }

  /** A crash just leaves everything as it is; the log keeps what is not sealed, and may keep more. */
  #reopen(crash: boolean): void {
    this.#asking?.work.return(undefined as never);
    [this.#asking, this.#pass, this.#maintenance] = [null, null, null];
    if (!crash) this.#open.store.close();
    const sealedSeq = this.#open.sealed.at(-1) ?? -1;
    if (this.#random() < 0.7) this.#log = this.#log.filter(({ seq }) => seq > sealedSeq);
    const records = this.#log.map(({ record }) => record);
    const segments = [writeSegment(join(this.#dir, "log-1.wal"), records)];
    // Now and then the sender has got further than the store was told.
    this.#told = this.#ranges;
    const retired = Uint32Array.from(this.#retired);
    this.#open = openStore({ ...this.#options, segments, retired, undelivered: this.#told });
    expect(this.#open.opened.damage).toEqual([]);
  }
}

function withoutAdded(ranges: SequenceRanges, now: SequenceRanges): SequenceRanges {
  return ranges.flatMap(([from, to]) =>
    now.map(([a, b]): [number, number] => [Math.max(a, from), Math.min(b, to)]).filter(([a, b]) => a < b),
  );
}

describe("a receiver has what the store has, whatever is sealed, merged, sent live or cut off meanwhile", () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    test(`seed ${seed}`, () => {
      using folder = tempDir("backlog");
      const simulation = new Simulation(seed, folder.path);
      simulation.run();
      expect(simulation.passes).toBeGreaterThan(5);
    });
  }
});
