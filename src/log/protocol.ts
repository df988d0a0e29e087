/** What the event loop and the log worker say to each other. Appends are answered in order. */
import type { Failure } from "../store/protocol.ts";
import type { SeriesDefinition } from "../model/series-registry.ts";

export interface LogOptions {
  /** The data directory; made where it is missing. */
  readonly dir: string;
  /** Bytes after which the log goes on in another segment. */
  readonly segmentBytesMax: number;
}

export interface LogOpened {
  /** Higher than any sequence ever given. */
  readonly nextSeq: number;
  readonly series: readonly SeriesDefinition[];
  /** Paths of the segments to replay, ascending. */
  readonly segments: readonly string[];
  readonly damage: readonly string[];
  /** The server before did not close the directory. */
  readonly unclean: boolean;
}

export interface LogStats {
  readonly segments: number;
  readonly segmentBytes: number;
}

/** Some of what `state.db` holds. */
export interface StatePage {
  /** Ascending by id; none: there are no more. */
  readonly series: readonly SeriesDefinition[];
  readonly meta: Readonly<Record<string, number>>;
}

export type LogAnswer = number | LogStats | StatePage | null;

export type LogRequest =
  | { kind: "open"; options: LogOptions }
  | { kind: "append"; record: ArrayBuffer }
  | { kind: "release"; throughSeq: number }
  | { kind: "state"; id: number; afterSeriesId: number }
  | { kind: "reopen" | "stats" | "close"; id: number };

export type LogEvent =
  | { kind: "opened"; opened: LogOpened }
  | { kind: "refused"; failure: Failure }
  | { kind: "appended"; record: ArrayBuffer }
  | { kind: "append_failed"; failure: Failure }
  | { kind: "answer"; id: number; value: LogAnswer }
  | { kind: "failed"; id: number; failure: Failure };
