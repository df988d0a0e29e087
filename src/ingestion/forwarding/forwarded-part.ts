/** One part that another node forwards: its block to rows of this node, taken as batches are, in pieces between which others run. */
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { DamagedChunkError } from "../../codec/damaged.ts";
import { WatchpostError } from "../../model/errors.ts";
import { readForeignBlock } from "../../codec/foreign-block.ts";
import { BATCH_POINTS_MAX } from "../../model/limits.ts";
import type { Forwarded } from "../../wire/gen/forwarding_pb.ts";
import type { Intake } from "../intake.ts";
import { joinedSpan } from "../../model/time-span.ts";
import { droppedSpan } from "../../wire/dropped-times.ts";
import { refusalOfSource } from "../resolve-series.ts";
import { TIME_US_MAX } from "../validate.ts";
import { deliveredOf, type DeliveredBySource } from "./delivered.ts";
import type { ForwardedMessage } from "./forwarded-message.ts";
import type { ForwardedSeriesTable } from "./forwarded-series.ts";

export interface TakenPart {
  readonly points: number;
  readonly kept: number;
  readonly refused: number;
  readonly delivered: DeliveredBySource;
  /** Of what was stored, the latest time; -Infinity where nothing was. */
  readonly lastUs: number;
  /** By source the first reason. */
  readonly reasons: ReadonlyMap<string, string>;
  /** Resolves once the rows are. */
  readonly durable: Promise<unknown>;
}

export interface PartDeps {
  readonly series: ForwardedSeriesTable;
  readonly intake: Intake;
  /** Lets others run. What it throws ends the part: rows that were taken stay. */
  rest(): Promise<void>;
  /** Rows are on their way to the disk until it is settled. */
  onWriting(durable: Promise<void>): void;
}

/**
 * The node that forwards has held them to its own clock when they came, and nobody here can tell whose clock is wrong: to
 * refuse them would lose them for good where it is this one's, to wait would hold up all others where it is not.
 */
const LATEST_US = TIME_US_MAX;
/** A few milliseconds each. */
const [NAMES_AT_ONCE, CHUNKS_AT_ONCE] = [500, 1_000];

/** Throws INVALID_ARGUMENT where the block is not as the format allows, and what the log failed with while nothing can be committed. */
export async function takePart({ forwarded, series: named }: ForwardedMessage, deps: PartDeps): Promise<TakenPart> {
  const { series, intake, rest, onWriting } = deps;
  for (let i = 0; i < named.length; i++) {
    if (i > 0 && i % NAMES_AT_ONCE === 0) await rest();
    series.name(named[i]);
  }
  const delivered = droppedOf(forwarded);
  const reasons = new Map<string, string>();
  if (forwarded.blockIndex.byteLength === 0) {
    return { points: 0, kept: 0, refused: 0, delivered, lastUs: -Infinity, reasons, durable: Promise.resolve() };
  }
  const { seriesIds, timesUs, values, chunks } = await rowsOf(forwarded, rest);
  const length = timesUs.length;
  const groups = new Set<Promise<void>>();
  let kept = 0;
  let chunk = 0;
  for (let from = 0; from < length; from += BATCH_POINTS_MAX) {
    if (from > 0) await rest();
    const to = Math.min(from + BATCH_POINTS_MAX, length);
    // Found and taken in one turn: a series may be deleted meanwhile.
    const first = chunk;
    for (; chunk < chunks.length && chunks[chunk].from < to; chunk++) {
      const one = chunks[chunk];
      one.found = series.find(one.foreignId);
      seriesIds.fill(one.found.id, Math.max(one.from, from), Math.min(one.to, to));
    }
    let at = first;
    const chunkOf = (row: number) => {
      while (chunks[at].to <= row) at++;
      return chunks[at];
    };
    const columns = { seriesIds, timesUs, values };
    const taken = intake.takeRows(columns, from, to, (row) => chunkOf(row).found.reason, {
      latestUs: LATEST_US,
      sender: series.sender,
    });
    kept += taken.kept;
    if (taken.group !== undefined) {
      groups.add(taken.group.done);
      onWriting(taken.group.done);
    }
    at = first;
    for (const { index, reason } of taken.refused) {
      const refusing = chunkOf(index);
      refuse(refusing, index);
      if (!reasons.has(refusing.found.source)) reasons.set(refusing.found.source, reason);
    }
    // One that goes on behind is found again.
    if (chunks[chunk - 1].to > to) chunk--;
  }
  let lastUs = -Infinity;
  for (const { from, to, found, refused, firstKept, refusedFrom, refusedTo } of chunks) {
    const counts = deliveredOf(delivered, found.source);
    counts.refused += refused;
    counts.points += to - from - refused;
    if (refused === to - from) continue;
    // Rows of a chunk ascend by time.
    const lastRow = refusedTo === to ? refusedFrom - 1 : to - 1;
    counts.firstUs = Math.min(counts.firstUs, timesUs[firstKept]);
    counts.lastUs = Math.max(counts.lastUs, timesUs[lastRow]);
    lastUs = Math.max(lastUs, timesUs[lastRow]);
  }
  return { points: length, kept, refused: length - kept, delivered, lastUs, reasons, durable: Promise.all(groups) };
}

/** Rows come in order. */
function refuse(chunk: Chunk, row: number): void {
  chunk.refused++;
  if (row === chunk.firstKept) chunk.firstKept++;
  if (row !== chunk.refusedTo) chunk.refusedFrom = row;
  chunk.refusedTo = row + 1;
}

function droppedOf({ dropped }: Forwarded): DeliveredBySource {
  const delivered: DeliveredBySource = new Map();
  for (const { source, points, firstTime, lastTime } of dropped) {
    const refusal = refusalOfSource(source);
    if (refusal !== undefined) throw new WatchpostError("INVALID_ARGUMENT", `dropped has one whose ${refusal}`);
    if (points < 0n || points > BigInt(Number.MAX_SAFE_INTEGER)) {
      const message = `dropped says ${points} points of source ${JSON.stringify(source)}; wanted 0 to 2^53 - 1`;
      throw new WatchpostError("INVALID_ARGUMENT", message);
    }
    const times = droppedSpan(firstTime, lastTime);
    if (times === undefined) {
      const shown = `${timestampText(firstTime!)} to ${timestampText(lastTime!)}`;
      const message = `dropped says times from ${shown} of source ${JSON.stringify(source)}; wanted two from 1970 on, in order`;
      throw new WatchpostError("INVALID_ARGUMENT", message);
    }
    if (points === 0n) continue;
    const counts = deliveredOf(delivered, source);
    counts.dropped += Number(points);
    counts.droppedTimes = joinedSpan(counts.droppedTimes, times);
  }
  return delivered;
}

function timestampText({ seconds, nanos }: Timestamp): string {
  return `${seconds} s ${nanos} ns`;
}

interface Chunk {
  readonly foreignId: number;
  readonly from: number;
  readonly to: number;
  refused: number;
  /** Behind the refused rows that it begins with. */
  firstKept: number;
  /** The last refused rows that follow each other. */
  refusedFrom: number;
  refusedTo: number;
  found: { readonly id: number; readonly source: string; readonly reason: string };
}

interface Rows {
  readonly chunks: Chunk[];
  /** To be filled in. */
  readonly seriesIds: Uint32Array;
  readonly timesUs: Float64Array;
  readonly values: Float64Array;
}

const NOT_FOUND_YET = { id: 0, source: "", reason: "" };

async function rowsOf({ blockIndex, blockBody }: Forwarded, rest: () => Promise<void>): Promise<Rows> {
  try {
    const block = readForeignBlock(blockIndex, blockBody);
    const timesUs = new Float64Array(block.points);
    const values = new Float64Array(block.points);
    const chunks: Chunk[] = [];
    let from = 0;
    for (const chunk of block.chunks()) {
      if (chunks.length > 0 && chunks.length % CHUNKS_AT_ONCE === 0) await rest();
      const to = from + chunk.timesUs.length;
      timesUs.set(chunk.timesUs, from);
      values.set(chunk.values, from);
      const none = { refused: 0, firstKept: from, refusedFrom: -1, refusedTo: -1 };
      chunks.push({ foreignId: chunk.seriesId, from, to, ...none, found: NOT_FOUND_YET });
      from = to;
    }
    return { chunks, seriesIds: new Uint32Array(block.points), timesUs, values };
  } catch (error) {
    if (!(error instanceof DamagedChunkError)) throw error;
    throw new WatchpostError("INVALID_ARGUMENT", `the block is damaged: ${error.message}`, { cause: error });
  }
}
