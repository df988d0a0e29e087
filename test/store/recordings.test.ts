/** Real recordings against the naive model: every step function, groups and gaps, whatever was sealed and merged when. */
import { describe, expect, test } from "bun:test";
import type { Aggregation, Fill, RangeQuery, StepFunction } from "../../src/store/protocol.ts";
import { readRecording, recordingFile, type Recording } from "../support/recordings.ts";
import { tempDir } from "../support/server-process.ts";
import { Model, openStore, plain, plainLatest, randomOf, recordOf, rowsOfSteps, type Opened } from "./harness.ts";

type Row = [timeUs: number, value: number];
type Random = () => number;

/** Of each recording: lines, distinct pairs of series and time, series. */
const KNOWN: Readonly<Record<string, readonly [points: number, distinct: number, series: number]>> = {
  machine: [29_962, 29_950, 2],
  servers: [105_486, 105_451, 26],
  buses: [345_264, 345_264, 1_983],
  lorawan: [537_947, 537_947, 73],
};
const FUNCTIONS: readonly StepFunction[] = [
  ...(["avg", "min", "max", "sum", "count", "first", "last", "stddev"] as const),
  ...(["rate", "increase", "delta", "p50", "p90", "p95", "p99"] as const),
];
const AGGREGATIONS: readonly Aggregation[] = ["avg", "min", "max", "sum", "count", "p50", "p95", "p99"];
const FILLS: readonly Fill[] = ["null", "previous", "linear", "zero"];
const [SECOND, MINUTE, HOUR, DAY] = [1e6, 60e6, 3600e6, 86_400e6];
const STEPS = [MINUTE, 7 * MINUTE, HOUR, 3 * HOUR, DAY, 30 * DAY, 4_321 * SECOND];
const RECORDS = 60;
const ROUNDS = 3;
const FILLED_STEPS_MAX = 3_000;
const FIRST_ARRIVAL_S = 1_780_000_000;

interface Fed {
  readonly open: Opened;
  readonly model: Model;
  /** What stood at some times. */
  readonly then: readonly { readonly asOfS: number; readonly model: Model }[];
}

function below(random: Random, n: number): number {
  return Math.floor(random() * n);
}

/** The points in the order of the source, in records; sealed and merged at random places, the end still in the head. */
function feed({ points }: Recording, dir: string, random: Random): Fed {
  const open = openStore({ dir, rowPointsMin: 2 });
  const model = new Model();
  const then: { asOfS: number; model: Model }[] = [];
  for (let seq = 0, from = 0; from < points.length; seq++) {
    const part = points.slice(from, (from += 1 + below(random, (2 * points.length) / RECORDS)));
    open.store.absorb(recordOf(seq, part, { arrivalMs: (FIRST_ARRIVAL_S + seq) * 1_000 + 900 }));
    model.write(part);
    const dice = random();
    if (from < points.length && (dice < 0.25 || seq === 0)) open.seal();
    if (dice < 0.04 || seq === RECORDS / 2) open.compact();
    if (seq === 10 || seq === 35) then.push({ asOfS: FIRST_ARRIVAL_S + seq, model: model.copy() });
  }
  return { open, model, then };
}

/** Some series, a range and a step. */
function queryOf({ series, points }: Recording, random: Random, func: StepFunction): RangeQuery {
  const ids = Array.from({ length: 1 + below(random, 5 + series.length / 60) }, () => 1 + below(random, series.length));
  const times = [points[below(random, points.length)][1], points[below(random, points.length)][1]];
  const [fromUs, toUs] = random() < 0.3 ? [0, 2 ** 53] : times.sort((a, b) => a - b);
  const stepUs = STEPS[below(random, STEPS.length)];
  return { seriesIds: Uint32Array.from(new Set(ids)), fromUs, toUs, stepUs, func, pointsMax: 1e9 };
}

/** The same with a bounded range that has no more steps than can be filled. */
function boundedQueryOf(recording: Recording, random: Random, func: StepFunction): RangeQuery {
  for (;;) {
    const query = queryOf(recording, random, func);
    if (query.fromUs > 0 && (query.toUs - query.fromUs) / query.stepUs < FILLED_STEPS_MAX) return query;
  }
}

/** Sums of the same numbers in another order differ in their last bits, and the model's rows are rounded. */
function isNear(found: number, wanted: number): boolean {
  return Object.is(found, wanted) || Math.abs(found - wanted) <= 5e-8 + 1e-9 * Math.abs(wanted);
}

/** The first difference; undefined where there is none. */
function differenceOf(found: readonly Row[][], wanted: readonly Row[][]): unknown {
  for (const [slot, rows] of wanted.entries()) {
    const lengths = [found[slot].length, rows.length];
    for (let i = 0; i < Math.max(...lengths); i++) {
      const [a, b] = [found[slot][i], rows[i]];
      if (a === undefined || b === undefined || a[0] !== b[0] || !isNear(a[1], b[1])) return { slot, i, lengths, a, b };
    }
  }
  return undefined;
}

/** Asks and compares. */
function check(
  { open }: Fed,
  query: RangeQuery,
  wanted: Row[][],
  told: string,
): { rows: number; resolutionUs: number } {
  const answer = open.range(query);
  const { seriesIds, fromUs, toUs, stepUs, func, fill, grouping, asOfS } = query;
  const asked = JSON.stringify({ seriesIds: [...seriesIds], fromUs, toUs, stepUs, func, fill, grouping, asOfS });
  expect([told, asked, differenceOf(plain(answer, wanted.length, true), wanted)]).toEqual([told, asked, undefined]);
  return { rows: answer.timesUs.length, resolutionUs: answer.resolutionUs };
}

/** Groups by the definitions in proto/history.proto: one value for each step, out of those the series have there. */
function grouped(rowsOf: readonly Row[][], groupOf: Uint32Array, groups: number, aggregation: Aggregation): Row[][] {
  return Array.from({ length: groups }, (_, group) => {
    const rows = rowsOf.filter((_, slot) => groupOf[slot] === group).flat();
    const steps = Map.groupBy(rows, ([timeUs]) => timeUs);
    return [...steps].map(([timeUs, at]) => across(timeUs, at, aggregation)).sort(([a], [b]) => a - b);
  });
}

/** What the function of the same name says of a step with these values. */
function across(timeUs: number, rows: readonly Row[], aggregation: Aggregation): Row {
  const step = rows.map(([, value], i): Row => [i, value]);
  return [timeUs, rowsOfSteps(step, step.length, aggregation)[0][1]];
}

/** Every step of the range, by the definitions in proto/history.proto. A series without rows stays so. */
function filled(rows: readonly Row[], fill: Fill, { fromUs, toUs, stepUs }: RangeQuery): Row[] {
  if (rows.length === 0) return [];
  const found: Row[] = [];
  let passed = 0;
  for (let at = fromUs - (fromUs % stepUs); at < toUs; at += stepUs) {
    while (passed < rows.length && rows[passed][0] < at) passed++;
    const [before, after]: (Row | undefined)[] = [rows[passed - 1], rows[passed]];
    if (after?.[0] === at) found.push([at, after[1]]);
    else if (fill === "null") found.push([at, NaN]);
    else if (fill === "zero") found.push([at, 0]);
    else if (fill === "previous" && before !== undefined) found.push([at, before[1]]);
    else if (fill === "linear" && before !== undefined && after !== undefined) {
      found.push([at, before[1] + ((after[1] - before[1]) * (at - before[0])) / (after[0] - before[0])]);
    }
  }
  return found;
}

function everyFunctionIsRight(fed: Fed, recording: Recording, random: Random, told: string): void {
  let widest = 0;
  for (const func of FUNCTIONS) {
    let rows = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const query = queryOf(recording, random, func);
      const answer = check(fed, query, fed.model.range(query), told);
      rows += answer.rows;
      widest = Math.max(widest, answer.resolutionUs);
    }
    expect([told, func, rows > 0]).toEqual([told, func, true]);
  }
  // Else nothing was learnt of rollups.
  expect([told, widest]).toEqual([told, HOUR]);
}

function groupsAndGapsAreRight(fed: Fed, recording: Recording, random: Random, told: string): void {
  let rows = 0;
  for (const [round, aggregation] of [...AGGREGATIONS, ...AGGREGATIONS].entries()) {
    const query = boundedQueryOf(recording, random, FUNCTIONS[round % FUNCTIONS.length]);
    const fill = FILLS[round % FILLS.length];
    const ofSeries = fed.model.range(query);
    const whole = ofSeries.map((some) => filled(some, fill, query));
    rows += check(fed, { ...query, fill }, whole, told).rows;
    const grouping = { groupOf: query.seriesIds.map(() => below(random, 2)), groups: 2, aggregation };
    const groups = grouped(ofSeries, grouping.groupOf, 2, aggregation);
    const wholeGroups = groups.map((some) => filled(some, fill, query));
    rows += check(fed, { ...query, grouping }, groups, told).rows;
    rows += check(fed, { ...query, grouping, fill }, wholeGroups, told).rows;
  }
  expect([told, rows > 100]).toEqual([told, true]);
}

function whatWasKnownIsRight(fed: Fed, recording: Recording, random: Random, told: string): void {
  expect(fed.then.length).toBe(2);
  for (const { asOfS, model } of fed.then) {
    for (const func of FUNCTIONS) {
      const query = { ...queryOf(recording, random, func), asOfS };
      check(fed, query, model.range(query), told);
    }
  }
}

/** All points, one by one. */
function everyPointIsThere(fed: Fed, { series }: Recording, told: string): number {
  const seriesIds = Uint32Array.from(series, ({ id }) => id);
  const query = { seriesIds, fromUs: 0, toUs: 2 ** 53, stepUs: 0, pointsMax: 1e9 };
  return check(fed, query, fed.model.range(query), told).rows;
}

function compare(name: string, path: string, seed: number): void {
  const told = `${name}, seed ${seed}`;
  const recording = readRecording(path);
  using folder = tempDir("recordings");
  const random = randomOf(seed);
  const fed = feed(recording, folder.path, random);
  expect(fed.open.store.stats().headPoints).toBeGreaterThan(0);
  everyFunctionIsRight(fed, recording, random, told);
  groupsAndGapsAreRight(fed, recording, random, told);
  whatWasKnownIsRight(fed, recording, random, told);
  const distinct = everyPointIsThere(fed, recording, told);
  expect([recording.points.length, distinct, recording.series.length]).toEqual([...KNOWN[name]]);
  fed.open.compact();
  everyFunctionIsRight(fed, recording, random, `${told}, merged`);
  expect([fed.open.damage, fed.open.trouble]).toEqual([[], []]);
  fed.open.store.close();
  using again = openStore({ dir: folder.path, rowPointsMin: 2 });
  expect(plainLatest(again.opened)).toEqual(fed.model.latest());
}

describe("every answer over a recording is the model's", () => {
  for (const [seed, name] of ["machine", "servers", "buses", "lorawan"].entries()) {
    const path = recordingFile(name);
    if (path === undefined) console.log(`no test of ${name}: its licence does not let us ship it, and it is not here`);
    else test(name, () => compare(name, path, seed + 1));
  }
});

/** Runs of rows for which it holds: [time of the first, of the last, how many]. */
function runsOf(rows: readonly Row[], holds: (value: number) => boolean): [string, string, number][] {
  const runs: Row[][] = [];
  rows.forEach((row, i) => {
    if (!holds(row[1])) return;
    if (i > 0 && holds(rows[i - 1][1])) runs.at(-1)!.push(row);
    else runs.push([row]);
  });
  const minuteOf = ([timeUs]: Row) => new Date(timeUs / 1_000).toISOString().slice(0, 16);
  return runs.map((run) => [minuteOf(run[0]), minuteOf(run.at(-1)!), run.length]);
}

test("what is known of the machine is found: its distinct readings, and when it was cold and the office hot", () => {
  const recording = readRecording(recordingFile("machine")!);
  using folder = tempDir("recordings");
  const { open } = feed(recording, folder.path, randomOf(7));
  const rowsOf = (metric: string) => {
    const { id } = recording.series.find((series) => series.metric === metric)!;
    return plain(open.range({ seriesIds: Uint32Array.of(id) }))[0];
  };
  const [machine, office] = [rowsOf("temperature_f"), rowsOf("ambient_temperature_f")];
  expect([machine.length, office.length]).toEqual([22_683, 7_267]);
  expect(runsOf(machine, (value) => value < 40)).toEqual([
    ["2013-12-16T15:40", "2013-12-16T17:35", 24],
    ["2014-02-08T04:15", "2014-02-08T04:30", 4],
    ["2014-02-08T04:40", "2014-02-08T04:40", 1],
    ["2014-02-08T05:00", "2014-02-08T05:00", 1],
    ["2014-02-08T05:10", "2014-02-09T11:50", 369],
  ]);
  expect(runsOf(office, (value) => value > 84)).toEqual([
    ["2013-12-22T17:00", "2013-12-23T03:00", 11],
    ["2013-12-23T05:00", "2013-12-23T05:00", 1],
  ]);
  open.store.close();
});
