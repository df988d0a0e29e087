/**
 * What the event loop and the store worker say to each other. Messages keep their order: a query posted after a record
 * finds what the record holds.
 */
import type { StatusName } from "../model/errors.ts";
import type { BackupListed } from "./backup.ts";
import type { FrozenPiece } from "./frozen-file.ts";

export interface StoreOptions {
  /** The data directory; period files lie directly in it. */
  readonly dir: string;
  /** Log segments to replay, ascending. */
  readonly segments: readonly string[];
  /** Rows after which a generation of the head is sealed. Default 2,000,000. */
  readonly headPointsMax?: number;
  /** Age after which a generation is sealed. Default one hour. */
  readonly sealAgeMs?: number;
  /** Bytes after which a period goes on in another file. Default 1 GiB. */
  readonly periodFileBytesMax?: number;
}

export interface StoreOpened {
  /** The newest value by event time of every series that has one; ascending by series id. */
  readonly latest: { readonly seriesIds: Uint32Array; readonly timesUs: Float64Array; readonly values: Float64Array };
  /** 0 when nothing is stored. */
  readonly newestArrivalMs: number;
  readonly replayedPoints: number;
  /** A sentence for everything that cannot be served. */
  readonly damage: readonly string[];
}

export interface RangeQuery {
  /** Ascending, each once. */
  readonly seriesIds: Uint32Array;
  /** Half open: [fromUs, toUs). */
  readonly fromUs: number;
  readonly toUs: number;
  /** Whole microseconds; 0 asks for raw points. */
  readonly stepUs: number;
  /** Rows the answer may have; a larger answer is RESOURCE_EXHAUSTED. */
  readonly pointsMax: number;
}

/** Of the points of one series within one step; columns of equal length. */
export interface StepColumns {
  readonly counts: Float64Array;
  readonly mins: Float64Array;
  readonly maxs: Float64Array;
  readonly sums: Float64Array;
  /** Of the earliest and the latest point. */
  readonly firsts: Float64Array;
  readonly lasts: Float64Array;
}

export interface RangeResult {
  readonly seriesIds: Uint32Array;
  /** `seriesIds.length + 1` entries: the rows of series i are [offsets[i], offsets[i + 1]), ascending by time. */
  readonly offsets: Uint32Array;
  /** Of a step: its start, floor(t / step) × step. Steps without a point have no row. */
  readonly timesUs: Float64Array;
  /** Raw points only, else empty. */
  readonly values: Float64Array;
  readonly steps: StepColumns | null;
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
  /** Sequences of the last record absorbed and of the last one sealed; -1 when there is none. */
  readonly absorbedSeq: number;
  readonly sealedSeq: number;
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
  | { kind: "range"; id: number; query: RangeQuery }
  | { kind: "cancel"; id: number }
  /** `base`: identities of the files that need not be copied, by name. */
  | { kind: "backup_begin"; id: number; base: ReadonlyMap<string, string> }
  | { kind: "backup_read"; id: number; name: string }
  | { kind: "backup_end" }
  | { kind: "seal" | "compact" | "stats" | "close"; id: number };

export type StoreAnswer = RangeResult | StoreStats | BackupListed | FrozenPiece | null;

export type StoreEvent =
  | { kind: "opened"; opened: StoreOpened; unsealedBytes: number }
  | { kind: "refused"; failure: Failure }
  | { kind: "answer"; id: number; value: StoreAnswer }
  | { kind: "failed"; id: number; failure: Failure }
  | { kind: "sealed"; sealed: Sealed }
  /** The buffer of an absorbed record. */
  | { kind: "spare"; buffer: ArrayBuffer }
  | { kind: "damage" | "trouble"; sentence: string };

/** An error on its way through a message port. */
export interface Failure {
  readonly status: StatusName;
  readonly message: string;
}

/** Buffers of an answer that move instead of being copied. */
export function buffersOfRange(result: RangeResult): ArrayBuffer[] {
  const columns: ArrayBufferView[] = [result.seriesIds, result.offsets, result.timesUs, result.values];
  if (result.steps !== null) columns.push(...Object.values(result.steps as unknown as Record<string, Float64Array>));
  return columns.map((column) => column.buffer as ArrayBuffer);
}
