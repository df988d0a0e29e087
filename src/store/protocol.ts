/**
 * What the event loop and the store worker say to each other. Messages keep their order: a query posted after a record
 * finds what the record holds.
 */
import type { StatusName } from "../model/errors.ts";
import type { SequenceRanges } from "../model/sequence-ranges.ts";
import type { BacklogPart, BacklogQuery, SequencesHeld, UndeliveredPoints } from "./backlog-protocol.ts";
import type { BackupListed } from "./backup.ts";
import type { FrozenPiece } from "./frozen-file.ts";
import type { OutgoingPart, OutgoingQuery } from "./outgoing-protocol.ts";
import type { RecentPart, RecentQuery } from "./recent-protocol.ts";
import type { DiskLimits, DiskState, DropReason } from "./retention-plan.ts";

/** Ranges that end here or later have no end. */
export const OPEN_END_US = Number.MAX_SAFE_INTEGER;

export interface StoreOptions {
  /** The data directory; period files lie directly in it. */
  readonly dir: string;
  /** Log segments to replay, ascending. */
  readonly segments: readonly string[];
  /** Series whose points are dropped. Default none. */
  readonly retired?: Uint32Array;
  /** Sequences not delivered to an upstream, as at the end; so that nothing of them is merged before they are told again. */
  readonly undelivered?: SequenceRanges;
  /** The first sequence that remote write has not sent, in the same way. Default: there is no remote write. */
  readonly unsentFrom?: number;
  /** Rows after which a generation of the head is sealed. Default 2,000,000. */
  readonly headPointsMax?: number;
  /** Bytes of log records after which it is, whatever the rows: definitions of series count too. Default 64 MiB. */
  readonly headBytesMax?: number;
  /** Age after which a generation is sealed. Default one hour. */
  readonly sealAgeMs?: number;
  /** Bytes after which a period goes on in another file. Default 1 GiB. */
  readonly periodFileBytesMax?: number;
  /** Points that a rollup row stands for on average, or there are no rows. Default 160. */
  readonly rowPointsMin?: number;
  /** Runs of small chunks that are merged at once. Default 4. */
  readonly mergeRunsMin?: number;
  /** Default: everything is kept. */
  readonly retention?: RetentionLimits;
  /** Nothing goes by age or budget before `retain` is asked for: a start that comes to nothing takes no points. */
  readonly isRetentionHeld?: boolean;
}

/** What may go. */
export interface RetentionLimits extends DiskLimits {
  /** Age past which points and rollup rows go. Infinity: kept. */
  readonly rawMs: number;
  /** "auto": kept, and made only where rows take much less than the points. Else of all points that go by age. */
  readonly rollup1mMs: number | "auto";
  readonly rollup1hMs: number;
}

export interface StoreOpened {
  /** The newest value by event time of every series that has one; ascending by series id. */
  readonly latest: { readonly seriesIds: Uint32Array; readonly timesUs: Float64Array; readonly values: Float64Array };
  /** 0 when nothing is stored. */
  readonly newestArrivalMs: number;
  /** Of the log, what was not sealed yet. */
  readonly replayedPoints: number;
  /** No block names it or a sequence after it. */
  readonly nextSeq: number;
  /** Nothing that is stored has a series of this id or a higher one. */
  readonly seriesIdEnd: number;
  /** A sentence for everything that cannot be served. */
  readonly damage: readonly string[];
}

/** How the points of a step become one value. Definitions in proto/history.proto. */
export type StepFunction =
  | "last"
  | "first"
  | "min"
  | "max"
  | "avg"
  | "sum"
  | "count"
  | "stddev"
  | "rate"
  | "increase"
  | "delta"
  | "p50"
  | "p90"
  | "p95"
  | "p99";

/** How the values that several series have at a step become one. */
export type Aggregation = "avg" | "min" | "max" | "sum" | "count" | "p50" | "p95" | "p99";

/** What stands in a step without points: nothing, NaN, the value before it, a value on the line between, or 0. */
export type Fill = "none" | "null" | "previous" | "linear" | "zero";

export interface RangeQuery {
  /** In the order they are to be answered in, each once. */
  readonly seriesIds: Uint32Array;
  /** Half open: [fromUs, toUs). */
  readonly fromUs: number;
  readonly toUs: number;
  /** Whole microseconds; 0 asks for raw points. */
  readonly stepUs: number;
  /** Of a step; avg where it is missing. */
  readonly func?: StepFunction;
  readonly fill?: Fill;
  /** With a step only: the answer has rows of groups, not of series. */
  readonly grouping?: Grouping;
  /** Rows of a series or group that are to be left, by their shape; 0: all. */
  readonly maxPoints?: number;
  readonly top?: Top;
  /** Unix seconds: nothing that arrived later is looked at. */
  readonly asOfS?: number;
  /** Rows the answer may have; a larger answer is RESOURCE_EXHAUSTED. */
  readonly pointsMax: number;
  /** Rows after which the answer may end and say where to go on. Neither with a grouping nor with top. */
  readonly partRows?: number;
}

export interface Grouping {
  /** By position among the asked series. */
  readonly groupOf: Uint32Array;
  readonly groups: number;
  readonly aggregation: Aggregation;
}

export interface Top {
  readonly count: number;
  readonly by: "avg" | "min" | "max" | "sum" | "last" | "first" | "count";
  readonly lowest: boolean;
}

export interface RangeResult {
  /** Positions among the asked series, or groups, of those that have rows; in order, with top the first one first. */
  readonly slots: Uint32Array;
  /** `slots.length + 1` entries: the rows of slots[i] are [offsets[i], offsets[i + 1]), ascending by time. */
  readonly offsets: Uint32Array;
  /** Of a step: its start, floor(t / step) × step. */
  readonly timesUs: Float64Array;
  readonly values: Float64Array;
  /** The widest rollup rows that stood for points; 0: none did. */
  readonly resolutionUs: number;
  /** Whether rollups are all that is left of some of the range, and they do not tell what was asked. */
  readonly isCoarse: boolean;
  /** Whether some of what is stored of the range cannot be read: points may be missing. */
  readonly isDamaged: boolean;
  /** One by one; a summary that stood for many counts as one. */
  readonly pointsRead: number;
  /** Where the next part goes on; null: this was the last. */
  readonly next: { readonly slot: number; readonly fromUs: number } | null;
}

/** What is known of the points of each step together: columns of the same length. */
export interface RunColumns {
  /** Of the first and the last point. */
  readonly fromUs: Float64Array;
  readonly toUs: Float64Array;
  readonly count: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly sum: Float64Array;
  readonly first: Float64Array;
  readonly last: Float64Array;
}

export interface RunsResult extends Omit<RangeResult, "timesUs" | "values"> {
  /** A run for each step that has points, ascending. */
  readonly runs: RunColumns;
}

/** Points by when they arrived: every write of them, values that were replaced since included. */
export interface ArrivalQuery {
  /** Ascending, each once. */
  readonly seriesIds: Uint32Array;
  /** Unix seconds, half open: what arrived in [fromS, toS). */
  readonly fromS: number;
  readonly toS: number;
  /** Of fromS only the series from this position on; left out: all. */
  readonly fromSlot?: number;
  /** Event times, half open. */
  readonly fromUs: number;
  readonly toUs: number;
  /** Rows after which the answer ends and says where to go on, at most 65,536; what one series had in one second stays together. */
  readonly partRows: number;
}

export interface ArrivalResult {
  /** Positions among the asked series; rows are in order of arrival, then of series, then of time, then of writing. */
  readonly slots: Uint32Array;
  readonly timesUs: Float64Array;
  readonly values: Float64Array;
  /** Unix seconds. */
  readonly arrivalsS: Float64Array;
  readonly isDamaged: boolean;
  /** Where the next part goes on; null: this was the last. */
  readonly next: { readonly fromS: number; readonly fromSlot: number } | null;
}

/** What stood: of each series the latest point before `beforeUs` of all that arrived before `arrivedBeforeS`. */
export interface StandingQuery {
  /** Ascending, each once. */
  readonly seriesIds: Uint32Array;
  /** Unix seconds; Infinity: all. */
  readonly arrivedBeforeS: number;
  /** Event time; Infinity: whatever it is. */
  readonly beforeUs: number;
}

export interface StandingResult {
  /** By position among the asked series; NaN where nothing stood. */
  readonly timesUs: Float64Array;
  readonly values: Float64Array;
  readonly isDamaged: boolean;
}

export interface StoreStats {
  /** Rows not yet sealed, and the bytes of the pages they lie in. */
  readonly headPoints: number;
  readonly headBytes: number;
  readonly blocks: number;
  readonly chunks: number;
  /** Rows in chunks, superseded ones included. */
  readonly chunkPoints: number;
  /** Bytes of block indexes and bodies. */
  readonly chunkBytes: number;
  readonly files: number;
  /** Raw points first. */
  readonly tiers: readonly TierStats[];
  readonly disk: DiskStats;
  /** Bytes written to the disk since the start, by what for: "seal" or "merge". */
  readonly writtenBytes: Readonly<Record<string, number>>;
  /** Times that sealed blocks were rewritten since the start, by why: "merge" or "purge". */
  readonly rewrites: Readonly<Record<string, number>>;
  /** Bytes of indexes and bodies of blocks sealed since the start. */
  readonly sealedBytes: number;
  /** Sequences of the last record absorbed and of the last one sealed; -1 when there is none. */
  readonly absorbedSeq: number;
  readonly sealedSeq: number;
}

/** What is kept at one resolution. */
export interface TierStats {
  readonly name: string;
  /** 0: points as they came. */
  readonly resolutionUs: number;
  readonly files: number;
  readonly blocks: number;
  /** Superseded ones included. */
  readonly points: number;
  /** Of the files. */
  readonly bytes: number;
  /** Event times; Infinity and -Infinity where there is nothing. */
  readonly fromUs: number;
  readonly toUs: number;
  /** Infinity: kept. */
  readonly ageLimitMs: number;
}

/** Zeros where the system does not tell. */
export interface DiskStats extends DiskState {
  /** Infinity: none. */
  readonly budgetBytes: number;
  /** 0: none. */
  readonly freeFloorBytes: number;
  /** What retention took since the start. */
  readonly droppedPoints: number;
  readonly droppedBytes: number;
}

/** A period file that retention took. Its points are not served any more. */
export interface Dropped {
  readonly tier: string;
  readonly file: string;
  readonly reason: DropReason;
  /** Rows, superseded ones included. */
  readonly points: number;
  readonly bytes: number;
  /** Event times of the points, both inclusive; Infinity and -Infinity where there were none. */
  readonly fromUs: number;
  readonly toUs: number;
  /** What of it an upstream has not got and will not get. */
  readonly undelivered: UndeliveredPoints;
  /** What of it remote write has not sent and will not send. */
  readonly unsent: UndeliveredPoints;
}

/** A generation of the head is in period files. */
export interface Sealed {
  /** Every record up to this sequence is. */
  readonly throughSeq: number;
  /** Bytes of records that have left the head. */
  readonly recordBytes: number;
  /** Values that another one of the same series and time replaced, as far as both were in this generation. */
  readonly superseded: number;
  /** From the first slice to the last commit, what else the worker did meanwhile included. */
  readonly durationMs: number;
}

export type StoreRequest =
  | { kind: "open"; options: StoreOptions }
  | { kind: "absorb"; record: ArrayBuffer }
  | { kind: "range" | "runs"; id: number; query: RangeQuery }
  | { kind: "arrivals"; id: number; query: ArrivalQuery }
  | { kind: "standing"; id: number; query: StandingQuery }
  /** The earliest event time of each series, NaN where nothing is stored; ids ascending, each once. */
  | { kind: "extents"; id: number; seriesIds: Uint32Array }
  | { kind: "retire"; id: number; seriesIds: Uint32Array }
  | { kind: "set_undelivered"; ranges: SequenceRanges }
  | { kind: "backlog"; id: number; query: BacklogQuery }
  | { kind: "outgoing"; id: number; query: OutgoingQuery }
  | { kind: "recent"; id: number; query: RecentQuery }
  | { kind: "sequences_held"; id: number; ranges: SequenceRanges }
  /** The sequences that brought points of event times in [fromUs, toUs). */
  | { kind: "sequences_of"; id: number; fromUs: number; toUs: number }
  | { kind: "cancel"; id: number }
  /** `base`: identities of the files that need not be copied, by name. */
  | { kind: "backup_begin"; id: number; base: ReadonlyMap<string, string> }
  | { kind: "backup_read"; id: number; name: string }
  | { kind: "backup_end" }
  /** The disk is full elsewhere: look whether something may go. */
  | { kind: "retain" }
  | { kind: "seal" | "compact" | "stats" | "close"; id: number };

export type StoreAnswer =
  | RangeResult
  | RunsResult
  | ArrivalResult
  | StandingResult
  | Float64Array
  | BacklogPart
  | OutgoingPart
  | RecentPart
  | SequencesHeld
  | SequenceRanges
  | StoreStats
  | BackupListed
  | FrozenPiece
  | null;

export type StoreEvent =
  /** The log is being read: so many points so far. */
  | { kind: "replayed"; points: number }
  | { kind: "opened"; opened: StoreOpened; unsealedBytes: number }
  | { kind: "refused"; failure: Failure }
  | { kind: "answer"; id: number; value: StoreAnswer }
  | { kind: "failed"; id: number; failure: Failure }
  | { kind: "sealed"; sealed: Sealed }
  | { kind: "dropped"; dropped: Dropped }
  /** The buffer of an absorbed record. */
  | { kind: "spare"; buffer: ArrayBuffer }
  | { kind: "damage" | "trouble"; sentence: string };

/** An error on its way through a message port. */
export interface Failure {
  readonly status: StatusName;
  readonly message: string;
}

/** Buffers of an answer that move instead of being copied. */
export function buffersOfRange({ slots, offsets, timesUs, values }: RangeResult): ArrayBuffer[] {
  return [slots, offsets, timesUs, values].map((column) => column.buffer as ArrayBuffer);
}

/** The same of {@link RunsResult}. */
export function buffersOfRuns({ slots, offsets, runs }: RunsResult): ArrayBuffer[] {
  return [slots, offsets, ...Object.values(runs)].map((column) => column.buffer as ArrayBuffer);
}

/** The same of {@link ArrivalResult}. */
export function buffersOfArrivals({ slots, timesUs, values, arrivalsS }: ArrivalResult): ArrayBuffer[] {
  return [slots, timesUs, values, arrivalsS].map((column) => column.buffer as ArrayBuffer);
}
