/** QueryRange and StreamRange: which series a request means, what the store is asked, and how its answer is named. */
import type { Clock } from "../model/clock.ts";
import { invalidField, messageOf, WatchpostError } from "../model/errors.ts";
import { formatDurationMs } from "../model/duration.ts";
import { valueInKey, type SeriesMatcher } from "../model/matcher.ts";
import type { MissingNode } from "../model/missing-node.ts";
import { deviceOf, metricOfKey, parseSeriesKey } from "../model/series-key.ts";
import type { QueryCost } from "../model/slow-work.ts";
import type { Span } from "../model/span.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { SeesSeries } from "../model/series-scopes.ts";
import type { Grouping, RangeQuery, RangeResult } from "../store/store-client.ts";
import type { QueryRangeRequest } from "../wire/gen/history_pb.ts";
import { answerUnits } from "./answer-units.ts";
import { encodeRange } from "./encode-range.ts";
import { firstInOrder } from "./in-order.ts";
import { inPieces, type RangeAnswer, type RangeColumns, type RangeName } from "./range-answer.ts";
import { checkSeries, rangeRequestOf, type RangeRequest } from "./range-request.ts";
import { seriesInUnit, type UnitsDeps } from "./series-in-unit.ts";
import { selectSeries } from "./select-series.ts";
import type { SlicedWork, Work } from "./sliced-work.ts";

/** The store as queries see it. */
export interface RangeSource {
  range(query: RangeQuery, options?: RangeOptions): Promise<FoundRange>;
}

export interface RangeOptions {
  readonly signal?: AbortSignal;
  /** How long it may take; other nodes that have some of it are given up before. */
  readonly timeoutMs?: number;
}

/** `missing`: nodes that have some of these series and did not answer; left out: all of them have. */
export type FoundRange = RangeResult & { readonly missing?: readonly MissingNode[] };

export interface RangeDeps {
  readonly registry: SeriesRegistry;
  readonly store: RangeSource;
  readonly clock: Clock;
  readonly sliced: SlicedWork;
  readonly timeoutMsMax: number;
  /** Whoever asks; all others are as if they were not there. */
  readonly sees: SeesSeries;
  /** Of the call; left out: nobody counts. */
  readonly cost?: QueryCost | undefined;
  readonly span?: Span | undefined;
  /** Of the sensor of a series, by its key; "": none is known. */
  unitOf(key: string): string;
}

/** Rows of a part of a stream, about, and how many series are asked for at once. */
const PART_ROWS = 50_000;
/** Between two looks at the time. */
const KEYS_PER_CHECK = 512;
const PART_SERIES_MAX = 10_000;

/** Throws INVALID_ARGUMENT naming the field, RESOURCE_EXHAUSTED saying what to narrow. */
export async function queryRange(
  request: QueryRangeRequest,
  deps: RangeDeps,
  signal: AbortSignal,
): Promise<RangeAnswer> {
  const asked = rangeRequestOf(request, { nowMs: deps.clock.nowMs(), timeoutMsMax: deps.timeoutMsMax });
  if (asked.after !== undefined)
    throw invalidField("after", request.after!.metric, "StreamRange: only a stream goes on behind a place");
  const { registry } = deps;
  const found = await deps.sliced.run(keysInOrder(asked.matcher, deps, asked.seriesMax), signal);
  const inUnit = await seriesInUnit(asked, found, unitsDeps(deps, signal));
  const { keys, seriesIds, groups } = await deps.sliced.run(chosenSeries(inUnit.keys, asked, registry), signal);
  const grouping = groups?.grouping(asked);
  const units = await answerUnits(asked, keys.map(deps.unitOf), grouping);
  const result = await inTime(asked, deps, signal, queryOf(asked, seriesIds, grouping));
  units.convert(result);
  const nameOf = (slot: number) => ({
    ...(groups === undefined ? nameOfKey(keys[slot]) : groups.names[slot]),
    unit: units.unitOf(slot),
  });
  const { resolutionUs, isDamaged } = result;
  return {
    result,
    nameOf,
    resolutionUs,
    isDamaged,
    missingNodes: missingNodesOf(result),
    notes: [...inUnit.notes, ...unknownTags(asked, groups), ...notesOf(result, asked)],
  };
}

/** Encoded parts, each asked of the store when the one before was taken: neither side holds more than a part. */
export async function* streamRange(
  request: QueryRangeRequest,
  deps: RangeDeps,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const asked = rangeRequestOf(request, { nowMs: deps.clock.nowMs(), timeoutMsMax: deps.timeoutMsMax });
  if (asked.groupBy !== undefined || asked.top !== undefined) {
    const { result, ...rest } = await queryRange(request, deps, signal);
    return yield* encodedPieces(result, rest);
  }
  const found = await deps.sliced.run(keysInOrder(asked.matcher, deps, Infinity), signal);
  const inUnit = await seriesInUnit(asked, found, unitsDeps(deps, signal));
  const { keys, firstFromUs } = restOf(inUnit.keys, asked);
  const told = new Set<string>();
  for (let at = 0, fromUs = firstFromUs; at < keys.length;) {
    // The series that a part ended in goes on by itself: its rows begin later than those of the others.
    const end = fromUs > asked.fromUs ? at + 1 : Math.min(at + PART_SERIES_MAX, keys.length);
    const keysOfPart = stillSeen(keys.slice(at, end), deps);
    const units = await answerUnits(asked, keysOfPart.map(deps.unitOf));
    const query = {
      ...queryOf({ ...asked, fromUs }, idsOf(keysOfPart, deps.registry)),
      pointsMax: Infinity,
      partRows: PART_ROWS,
    };
    const result = await inTime(asked, deps, signal, query);
    units.convert(result);
    const notes = [...inUnit.notes, ...notesOf(result, asked)].filter((note) => !told.has(note));
    for (const note of notes) told.add(note);
    const { resolutionUs, isDamaged, slots, next } = result;
    if (slots.length > 0 || notes.length > 0) {
      const nameOf = (slot: number) => ({ ...nameOfKey(keysOfPart[slot]), unit: units.unitOf(slot) });
      yield* encodedPieces(result, { nameOf, resolutionUs, isDamaged, missingNodes: missingNodesOf(result), notes });
    }
    at = next === null ? end : keys.indexOf(keysOfPart[next.slot], at);
    fromUs = next?.fromUs ?? asked.fromUs;
  }
}

/** Messages of about a part each; what is to be said is in the first. */
function* encodedPieces(result: RangeColumns, rest: Omit<RangeAnswer, "result">): Generator<Uint8Array, void> {
  let { notes } = rest;
  for (const piece of inPieces(result, PART_ROWS)) {
    yield encodeRange({ ...rest, notes, result: piece });
    notes = [];
  }
}

function unitsDeps({ unitOf, sliced }: RangeDeps, signal: AbortSignal): UnitsDeps {
  return { unitOf, inSlices: (work) => sliced.run(work, signal) };
}

interface ChosenSeries {
  readonly keys: readonly string[];
  readonly seriesIds: Uint32Array;
  readonly groups: Groups | undefined;
}

function* chosenSeries(found: readonly string[], asked: RangeRequest, registry: SeriesRegistry): Work<ChosenSeries> {
  const [keys, ids]: [string[], number[]] = [[], []];
  for (const [i, key] of found.entries()) {
    if (i % KEYS_PER_CHECK === 0) yield;
    const id = registry.idOf(key);
    if (id === undefined) continue;
    keys.push(key);
    ids.push(id);
  }
  const groups = asked.groupBy === undefined ? undefined : yield* groupsOf(keys, asked.groupBy);
  return { keys, seriesIds: Uint32Array.from(ids), groups };
}

/** What is left behind the place where the answer begins, and the time from which its first series is. */
function restOf(
  keys: readonly string[],
  { after, fromUs, toUs }: RangeRequest,
): { keys: readonly string[]; firstFromUs: number } {
  if (after === undefined) return { keys, firstFromUs: fromUs };
  const rest = keys.filter((key) => key >= after.key);
  const firstFromUs = rest[0] === after.key ? Math.max(fromUs, after.timeUs + 1) : fromUs;
  return firstFromUs < toUs ? { keys: rest, firstFromUs } : { keys: rest.slice(1), firstFromUs: fromUs };
}

/** What was deleted meanwhile has no id any more; what has moved may be out of scope. */
function stillSeen(keys: readonly string[], { registry, sees }: RangeDeps): string[] {
  return keys.filter((key) => {
    const id = registry.idOf(key);
    return id !== undefined && sees(id);
  });
}

/** Keys of all series that match; one that is deleted meanwhile may be among them. */
function* keysInOrder(matcher: SeriesMatcher, { registry, sees }: RangeDeps, seriesMax: number): Work<string[]> {
  const ids = yield* selectSeries(registry, matcher, sees);
  checkSeries(ids.length, seriesMax);
  const keys: string[] = [];
  for (const id of ids) if (registry.has(id)) keys.push(registry.keyOf(id));
  return yield* firstInOrder(keys, keys.length, (a, b) => (a < b ? -1 : 1));
}

function idsOf(keys: readonly string[], registry: SeriesRegistry): Uint32Array {
  return Uint32Array.from(keys, (key) => registry.idOf(key)!);
}

function queryOf(asked: RangeRequest, seriesIds: Uint32Array, grouping?: Grouping): RangeQuery {
  const { fromUs, toUs, stepUs, func, fill, maxPoints, top, asOfS, pointsMax } = asked;
  return {
    seriesIds,
    fromUs,
    toUs,
    stepUs,
    func,
    fill,
    maxPoints,
    pointsMax,
    ...(top === undefined ? {} : { top }),
    ...(asOfS === undefined ? {} : { asOfS }),
    ...(grouping === undefined ? {} : { grouping }),
  };
}

/** DEADLINE_EXCEEDED when it takes too long: the store is told to stop, as when the caller leaves. */
async function inTime(
  { timeoutMs }: RangeRequest,
  { store, clock, cost, span }: RangeDeps,
  signal: AbortSignal,
  query: RangeQuery,
): Promise<FoundRange> {
  const late = new AbortController();
  const cancelTimer = clock.after(timeoutMs, () => late.abort());
  const reading = span?.child("store.range");
  let failure: string | undefined;
  reading?.set("watchpost.series", query.seriesIds.length);
  try {
    if (cost !== undefined) cost.series += query.seriesIds.length;
    const result = await store.range(query, { signal: AbortSignal.any([signal, late.signal]), timeoutMs });
    if (cost !== undefined) cost.pointsRead += result.pointsRead;
    reading?.set("watchpost.points_read", result.pointsRead);
    return result;
  } catch (error) {
    failure = messageOf(error);
    if (!late.signal.aborted || signal.aborted) throw error;
    throw new WatchpostError(
      "DEADLINE_EXCEEDED",
      `the query took longer than ${formatDurationMs(timeoutMs)}: ask for fewer series, a shorter range or a larger step`,
    );
  } finally {
    cancelTimer();
    reading?.end(failure);
  }
}

function nameOfKey(key: string): Named {
  const identity = parseSeriesKey(key);
  const { metric, source, tags } = identity;
  return { metric, source, tags: Object.fromEntries(tags), device: deviceOf(identity) };
}

type Named = Omit<RangeName, "unit">;

interface Groups {
  readonly names: readonly Named[];
  grouping(asked: RangeRequest): Grouping;
}

/** By metric and the values of some tags; in order of the first of their series. */
function* groupsOf(keys: readonly string[], groupBy: readonly string[]): Work<Groups> {
  const numbers = new Map<string, number>();
  const names: Named[] = [];
  const groupOf = new Uint32Array(keys.length);
  for (const [i, key] of keys.entries()) {
    if (i % KEYS_PER_CHECK === 0) yield;
    const metric = metricOfKey(key);
    const values = groupBy.map((tag) => valueInKey(key, tag));
    const group = [metric, ...values].join("\0");
    let number = numbers.get(group);
    if (number === undefined) {
      const tags = Object.fromEntries(groupBy.map((tag, i) => [tag, values[i]]));
      number = names.push({ metric, source: tags["source"] ?? "", tags, device: tags["device"] ?? "" }) - 1;
      numbers.set(group, number);
    }
    groupOf[i] = number;
  }
  return { names, grouping: ({ aggregation }) => ({ groupOf, groups: names.length, aggregation }) };
}

/** Most likely a slip: all series fall into one group then. */
function unknownTags({ groupBy = [] }: RangeRequest, groups: Groups | undefined): string[] {
  if (groups === undefined || groups.names.length === 0) return [];
  const unknown = groupBy.filter((tag) => groups.names.every(({ tags }) => tags[tag] === ""));
  return unknown.map((tag) => `none of these series has the tag ${JSON.stringify(tag)}, by which they are grouped`);
}

function missingNodesOf({ missing = [] }: FoundRange): string[] {
  return missing.map(({ name }) => name);
}

function notesOf(
  { isCoarse, isDamaged, resolutionUs, missing = [] }: FoundRange,
  { func, stepUs }: RangeRequest,
): string[] {
  const notes: string[] = [];
  for (const { name, why } of missing) notes.push(`points that only the node ${name} has are missing: ${why}`);
  if (isDamaged)
    notes.push("some of what is stored of this range is damaged: points may be missing; watchpost verify names it");
  if (isCoarse) {
    const asked = stepUs === 0 ? "raw points" : `${func}, which needs the points,`;
    notes.push(`retention has left only rollups of some of the range: they do not tell ${asked} there`);
  }
  if (stepUs > 0 && stepUs % Math.max(resolutionUs, 1) !== 0) {
    const width = formatDurationMs(resolutionUs / 1_000);
    notes.push(`retention has left only ${width} rollups of some of the range: each stands in the step it begins in`);
  }
  return notes;
}
