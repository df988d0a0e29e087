/** What was known at a time, where rollup rows stand for the points: rows that know more than was known then are not believed. */
import { expect, test } from "bun:test";
import type { RangeQuery, StepFunction } from "../../src/store/protocol.ts";
import { SHORTEST_SLICE, Model, NOVEMBER_US, openStore, plain, randomOf, recordOf } from "./harness.ts";
import type { Opened, Point } from "./harness.ts";
import { tempDir } from "../support/server-process.ts";

const [SECOND, MINUTE, HOUR] = [1e6, 60e6, 3600e6];
const SOME: readonly StepFunction[] = ["sum", "last"];
const FUNCTIONS: readonly StepFunction[] = [...SOME, "avg", "min", "max", "count", "first", "delta", "p95"];
const IDS = [1, 2, 3];
const ROUNDS = 8;
const FIRST_ARRIVAL_S = NOVEMBER_US / SECOND + 1_000_000;

/** A point a minute of each series from the third hour of a round on, for three hours: two of them the round before had too. */
function roundOf(round: number, random: () => number): Point[] {
  const points: Point[] = [];
  for (let minute = 0; minute < 180; minute++) {
    const timeUs = NOVEMBER_US + (round + 2) * HOUR + minute * MINUTE;
    for (const id of IDS) if (random() < 0.9) points.push([id, timeUs, Math.floor(random() * 1_000)]);
  }
  return points;
}

/** Of the second series alone, in the two hours before everything: some new, some in place of others. */
function latePoints(round: number, random: () => number): Point[] {
  return Array.from({ length: 40 }, (_, i): Point => {
    return [2, NOVEMBER_US + Math.floor(random() * 240) * 30 * SECOND, 5_000 + round * 100 + i];
  });
}

/** Sealed, and nothing more: rows are older than points. */
function sealOnly(open: Opened): void {
  void open.store.seal();
  const work = open.store.maintain(SHORTEST_SLICE);
  while (open.store.mustSeal) work.next();
  work.return();
}

interface Known {
  readonly asOfS: number;
  readonly model: Model;
}

/** Compares with what each model knew; returns of each how wide the rows were that its hours were made of. */
function whatWasKnownIsRight(open: Opened, known: readonly Known[], told: string, functions = FUNCTIONS): number[] {
  const widest: number[] = [];
  for (const { asOfS, model } of known) {
    for (const stepUs of [7 * MINUTE, HOUR, 3 * HOUR, 1_000 * HOUR]) {
      const query = { seriesIds: Uint32Array.from(IDS), stepUs, asOfS, fromUs: 0, toUs: 2 ** 53, pointsMax: 1e9 };
      for (const func of functions) {
        const asked: RangeQuery = { ...query, func };
        expect([told, asOfS, func, plain(open.range(asked))]).toEqual([told, asOfS, func, model.range(asked)]);
      }
      if (stepUs === HOUR) widest.push(open.range(query).resolutionUs);
    }
    const raw = { seriesIds: Uint32Array.from(IDS), stepUs: 0, asOfS, fromUs: 0, toUs: 2 ** 53, pointsMax: 1e9 };
    expect([told, asOfS, plain(open.range(raw))]).toEqual([told, asOfS, model.range(raw)]);
  }
  return widest;
}

test("as of a time rows that know of later points are passed over, sealed, merged or beside a head", () => {
  using folder = tempDir("as-of");
  using open = openStore({ dir: folder.path, rowPointsMin: 2 });
  const random = randomOf(12);
  const model = new Model();
  const known: Known[] = [{ asOfS: FIRST_ARRIVAL_S - 1, model: model.copy() }];
  for (let round = 0; round < ROUNDS; round++) {
    const points = [...roundOf(round, random), ...latePoints(round, random)];
    const asOfS = FIRST_ARRIVAL_S + round * 60;
    open.store.absorb(recordOf(round + 1, points, { arrivalMs: asOfS * 1_000 + 400 }));
    model.write(points);
    known.push({ asOfS, model: model.copy() });
    if (round % 3 === 2) sealOnly(open);
    else open.seal();
    const widest = whatWasKnownIsRight(open, known, `round ${round}`, SOME);
    // With what is known now rows are believed: without them this would be a test of something else.
    expect([round, widest.at(-1)]).toEqual([round, HOUR]);
    expect([round, widest[0]]).toEqual([round, 0]);
  }
  const before = whatWasKnownIsRight(open, known, "all sealed");
  // Rows that were made before later points came are still there, and tell what was known then.
  expect(before.filter((resolutionUs) => resolutionUs === HOUR).length).toBeGreaterThan(2);
  open.compact();
  const after = whatWasKnownIsRight(open, known, "merged");
  expect(after.at(-1)).toBe(HOUR);
  // Merged rows know of everything.
  expect(after.slice(0, -1).filter((resolutionUs) => resolutionUs > 0)).toEqual([]);
  // The head knows more than any row.
  const [late, asOfS] = [latePoints(99, random), FIRST_ARRIVAL_S + 99_999];
  open.store.absorb(recordOf(99, late, { arrivalMs: asOfS * 1_000 + 400 }));
  model.write(late);
  expect(whatWasKnownIsRight(open, [...known, { asOfS, model }], "with a head").at(-2)).toBe(HOUR);
});

test("arrivals within one second are known together, also where rows stand for them", () => {
  using folder = tempDir("as-of");
  using open = openStore({ dir: folder.path, rowPointsMin: 2 });
  const random = randomOf(13);
  const model = new Model();
  const known: Known[] = [];
  for (const [seq, ms] of [0, 999, 1_000, 1_001, 1_999].entries()) {
    const points = [...roundOf(0, random), ...latePoints(seq, random)];
    open.store.absorb(recordOf(seq + 1, points, { arrivalMs: FIRST_ARRIVAL_S * 1_000 + ms }));
    model.write(points);
    open.seal();
    if (ms % 1_000 === 999) known.push({ asOfS: FIRST_ARRIVAL_S + Math.floor(ms / 1_000), model: model.copy() });
  }
  whatWasKnownIsRight(open, known, "sealed");
  open.compact();
  whatWasKnownIsRight(open, known, "merged");
});
