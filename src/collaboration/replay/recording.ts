/** A session as it can be replayed, exported and reported, wherever it is read from: this server, or a file. */
import type { Silence } from "../../wire/gen/alerts_pb.ts";
import type { Annotation } from "../../wire/gen/annotations_pb.ts";
import type { CollaborationMessage, Session } from "../../wire/gen/collaboration_pb.ts";
import type { Issue } from "../../wire/gen/issues_pb.ts";
import type { ReplayAlert } from "../../wire/gen/replay_pb.ts";
import type { ArrivedPoints, ShownPoints } from "./points.ts";

/** Microseconds since 1970, half open. */
export interface TimeRange {
  readonly fromUs: number;
  readonly toUs: number;
}

/** Something, and when it was heard of. */
export interface Heard<T> {
  readonly atMs: number;
  readonly what: T;
}

export type View = "as_seen" | "as_known_now";

/** What stood when a range began; times are NaN where nothing did. By position of the series. */
export interface Standing {
  readonly timesUs: Float64Array;
  readonly values: Float64Array;
}

/** All of it is read anew by each call, in pages: neither messages nor points are in memory together. */
export interface Recording {
  readonly session: Session;
  /** From the first message, or shortly before what it is about rose, to the last message, unless it was asked for another range. */
  readonly range: TimeRange;
  /** Canonical keys of the series whose points are part of it; others name them by position. */
  readonly seriesKeys: readonly string[];
  /** What cannot be shown, sentence by sentence; grows while points are read. */
  readonly missing: ReadonlySet<string>;
  messages(range: TimeRange): AsyncIterable<Heard<CollaborationMessage>>;
  alerts(range: TimeRange): AsyncIterable<Heard<ReplayAlert>>;
  /** In the order they are shown; the first ones are what stood. */
  points(view: View, range: TimeRange): AsyncIterable<ShownPoints>;
  standing(view: View, range: TimeRange): Promise<Standing>;
  /** Every write that a replay of the range may show, in order of arrival. */
  writes(range: TimeRange): AsyncIterable<ArrivedPoints>;
  /** Those that were made in it, or held back one of its alerts while it ran. */
  silences(): Promise<readonly Silence[]>;
  annotations(): Promise<readonly Annotation[]>;
  issues(): Promise<readonly Issue[]>;
}
