/** What a node is asked of its series, and its answer: columns, as they go from node to node. */
import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { invalidField } from "../../model/errors.ts";
import type { StepFunction } from "../../store/store-client.ts";
import {
  QuerySeriesPartSchema,
  QuerySeriesRequestSchema,
  SeriesReading as WireReading,
  type QuerySeriesRequest,
} from "../../wire/gen/nodes_pb.ts";

export type SeriesReading = "rows" | "runs" | "arrivals" | "standing" | "first_times";

/** Fields as in proto/nodes.proto; what a reading does not need is left out. */
export interface SeriesAsk {
  readonly reading: SeriesReading;
  readonly fromUs: number;
  readonly toUs: number;
  readonly stepUs?: number;
  readonly func?: StepFunction;
  readonly maxPoints?: number;
  readonly asOfS?: number;
  readonly fromS?: number;
  readonly toS?: number;
  readonly partRows?: number;
}

/** A piece of an answer. */
export interface SeriesPart {
  /** Positions among the asked series, and how many rows of each stand here, one after the other. */
  readonly slots: Uint32Array;
  readonly rows: Uint32Array;
  /** Each as long as there are rows; which they are {@link COLUMNS_OF} tells. */
  readonly columns: readonly Float64Array[];
  readonly resolutionUs: number;
  readonly isCoarse: boolean;
  readonly isDamaged: boolean;
  readonly pointsRead: number;
  /** At the end of a part behind which there is more. */
  readonly next: { readonly slot: number; readonly fromUs: number } | null;
}

export const COLUMNS_OF: Readonly<Record<SeriesReading, readonly string[]>> = {
  rows: ["timesUs", "values"],
  runs: ["fromUs", "toUs", "count", "min", "max", "sum", "first", "last"],
  arrivals: ["timesUs", "values", "arrivalsS"],
  standing: ["timesUs", "values"],
  first_times: ["timesUs"],
};

/** Of one request: series, and characters of their keys. */
export const SERIES_AT_ONCE = 10_000;
const KEY_CHARS_AT_ONCE = 1_000_000;
/** Of one message. */
export const PART_ROWS_MAX = 65_536;

const WIRE: Readonly<Record<SeriesReading, WireReading>> = {
  rows: WireReading.UNSPECIFIED,
  runs: WireReading.RUNS,
  arrivals: WireReading.ARRIVALS,
  standing: WireReading.STANDING,
  first_times: WireReading.FIRST_TIMES,
};
const READINGS = new Map(Object.entries(WIRE).map(([reading, wire]) => [wire, reading as SeriesReading]));
const FUNCTIONS: ReadonlySet<string> = new Set<StepFunction>([
  ...(["last", "first", "min", "max", "avg", "sum", "count", "stddev"] as const),
  ...(["rate", "increase", "delta", "p50", "p90", "p95", "p99"] as const),
]);

/** How many of `keys` from position `at` on fit into a request; one at the least. */
export function keysAtOnce(keys: readonly string[], at: number): number {
  let count = 0;
  for (let chars = 0; at + count < keys.length && count < SERIES_AT_ONCE; count++) {
    chars += keys[at + count].length;
    if (chars > KEY_CHARS_AT_ONCE && count > 0) break;
  }
  return count;
}

export function askBytes(keys: readonly string[], { reading, func, ...ask }: SeriesAsk): Uint8Array {
  const fields = { keys: [...keys], reading: WIRE[reading], ...ask, ...(func !== undefined && { function: func }) };
  return toBinary(QuerySeriesRequestSchema, create(QuerySeriesRequestSchema, fields));
}

/** Throws INVALID_ARGUMENT naming the field, for what this node does not understand. */
export function askOf(request: QuerySeriesRequest): SeriesAsk {
  const { keys, fromUs, toUs, stepUs, maxPoints, asOfS, fromS, toS, partRows } = request;
  if (keys.length > SERIES_AT_ONCE) throw invalidField("keys", keys.length, `at most ${SERIES_AT_ONCE} of them`);
  const reading = READINGS.get(request.reading);
  if (reading === undefined) throw invalidField("reading", request.reading, "a known one");
  const func = request.function || "avg";
  if (!FUNCTIONS.has(func)) throw invalidField("function", func, "a known one");
  const rest = { fromUs, toUs, stepUs, func: func as StepFunction, maxPoints, fromS, toS };
  const isBounded = partRows > 0 && partRows <= PART_ROWS_MAX;
  return {
    ...{ reading, ...rest, partRows: isBounded ? partRows : PART_ROWS_MAX },
    ...(asOfS !== undefined && { asOfS }),
  };
}

/** Messages of at most {@link PART_ROWS_MAX} rows each; what is to be said of the part stands in the last one. */
export function* partBytes(part: SeriesPart): Generator<Uint8Array, void> {
  const total = part.columns[0]?.length ?? 0;
  let [at, taken] = [0, 0];
  for (let from = 0; total - from > PART_ROWS_MAX;) {
    const [slots, rows]: [number[], number[]] = [[], []];
    const to = from + PART_ROWS_MAX;
    for (let left = PART_ROWS_MAX; left > 0;) {
      const count = Math.min(left, part.rows[at] - taken);
      slots.push(part.slots[at]);
      rows.push(count);
      left -= count;
      taken += count;
      if (taken === part.rows[at]) [at, taken] = [at + 1, 0];
    }
    const columns = part.columns.map((column) => column.subarray(from, to));
    yield written({
      slots: bytesOf(Uint32Array.from(slots)),
      rows: bytesOf(Uint32Array.from(rows)),
      columns: joined(columns),
    });
    from = to;
  }
  const left = part.rows.slice(at);
  if (taken > 0) left[0] -= taken;
  const rest = total - left.reduce((sum, count) => sum + count, 0);
  const { resolutionUs, isCoarse, isDamaged, pointsRead, next } = part;
  yield written({
    ...{ slots: bytesOf(part.slots.slice(at)), rows: bytesOf(left) },
    columns: joined(part.columns.map((column) => column.subarray(rest))),
    ...{ resolutionUs, isCoarse, isDamaged, pointsRead },
    ...(next !== null && { next }),
  });
}

/** Of a message of another node. Throws where its columns do not fit together. */
export function partOf(bytes: Uint8Array, reading: SeriesReading): SeriesPart {
  const { slots, rows, columns, resolutionUs, isCoarse, isDamaged, pointsRead, next } = fromBinary(
    QuerySeriesPartSchema,
    bytes,
  );
  const counts = new Uint32Array(aligned(rows));
  const cells = new Float64Array(aligned(columns));
  const width = COLUMNS_OF[reading].length;
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (cells.length !== total * width || slots.length !== rows.length) {
    throw new Error(`a part has ${cells.length} cells in ${width} columns of ${total} rows`);
  }
  return {
    slots: new Uint32Array(aligned(slots)),
    rows: counts,
    columns: Array.from({ length: width }, (_, i) => cells.subarray(i * total, (i + 1) * total)),
    ...{ resolutionUs, isCoarse, isDamaged, pointsRead },
    next: next === undefined ? null : { slot: next.slot, fromUs: next.fromUs },
  };
}

function written(fields: MessageInitShape<typeof QuerySeriesPartSchema>): Uint8Array {
  return toBinary(QuerySeriesPartSchema, create(QuerySeriesPartSchema, fields));
}

function joined(columns: readonly Float64Array[]): Uint8Array<ArrayBuffer> {
  const rows = columns[0]?.length ?? 0;
  const all = new Float64Array(rows * columns.length);
  for (const [i, column] of columns.entries()) all.set(column, i * rows);
  return bytesOf(all);
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array | Float64Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

/** A column lies anywhere in its message. Of a Buffer, slice would be no copy. */
function aligned(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
