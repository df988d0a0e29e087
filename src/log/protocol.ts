/** What the event loop and the log worker say to each other. Appends are answered in order. */
import type { Failure } from "../store/protocol.ts";
import type { SeriesDefinition } from "../model/series-registry.ts";

export interface LogOptions {
  /** The data directory; made where it is missing. */
  readonly dir: string;
  /** Bytes after which the log goes on in another segment. */
  readonly segmentBytesMax: number;
  /** Acknowledged records are synced after this time at the latest; 0, the default: before they are acknowledged. */
  readonly syncIntervalMs?: number;
}

export interface LogOpened {
  /** Higher than any sequence ever given. */
  readonly nextSeq: number;
  readonly series: readonly SeriesDefinition[];
  /** Ids of deleted series, which are never given again. */
  readonly retired: Uint32Array;
  /** Paths of the segments to replay, ascending. */
  readonly segments: readonly string[];
  readonly damage: readonly string[];
  /** The server before did not close the directory. */
  readonly unclean: boolean;
}

export interface LogStats {
  readonly segments: number;
  readonly segmentBytes: number;
  /** Acknowledged and not synced. */
  readonly unsyncedBytes: number;
  /** Bytes written to the disk since the start, by what for: "log", in whole pages at each sync, and "state". */
  readonly writtenBytes: Readonly<Record<string, number>>;
}

/** Some of what `state.db` holds. */
export interface StatePage {
  /** Ascending by id; none: there are no more. */
  readonly series: readonly SeriesDefinition[];
  readonly meta: Readonly<Record<string, number>>;
  /** Ids of deleted series, with the first page; later ones have none. */
  readonly retired: Uint32Array;
}

export type LogAnswer = number | LogStats | StatePage | null;

export type LogRequest =
  | { kind: "open"; options: LogOptions }
  | { kind: "append"; record: ArrayBuffer }
  | { kind: "release"; throughSeq: number }
  | { kind: "state"; id: number; afterSeriesId: number }
  | { kind: "retire"; id: number; seriesIds: Uint32Array }
  | { kind: "reopen" | "stats" | "close"; id: number };

export type LogEvent =
  | { kind: "opened"; opened: LogOpened }
  | { kind: "refused"; failure: Failure }
  | { kind: "appended"; record: ArrayBuffer }
  | { kind: "append_failed"; failure: Failure }
  | { kind: "answer"; id: number; value: LogAnswer }
  | { kind: "failed"; id: number; failure: Failure }
  | { kind: "unsynced"; sentence: string };
