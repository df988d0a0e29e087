/** How forwarding stands, for whoever asks. */
import type { SequenceRanges } from "../../model/sequence-ranges.ts";
import type { SequencesHeld } from "../../store/backlog-protocol.ts";
import type { ConnectTrouble } from "./connect-trouble.ts";
import type { SourceCounts } from "./delivery-ledger.ts";
import type { LaneName } from "./lane.ts";
import type { HeldPoints } from "./series-filter.ts";

/** What has been since the count before. */
export interface UpstreamCounts {
  /** Acknowledged, refused ones not among them. */
  readonly delivered?: number;
  readonly refused?: number;
  readonly dropped?: number;
  readonly bytes?: Partial<Record<LaneName, number>>;
  readonly connects?: number;
}

export type UpstreamPhase = "connecting" | "connected" | "waiting" | "stopped";

export interface UpstreamStatus {
  readonly phase: UpstreamPhase;
  readonly sinceMs: number;
  /** Of the last attempt; undefined while connected. */
  readonly lastTrouble: ConnectTrouble | undefined;
  readonly nextAttemptMs: number | null;
  readonly undelivered: SequenceRanges;
  readonly held: SequencesHeld;
  /** Of these, points that are wanted upstream. */
  readonly queuedPoints: number;
  readonly rate: { readonly points: number; readonly bytes: number };
  readonly sources: ReadonlyMap<string, Readonly<SourceCounts>>;
  readonly queuedBySource: ReadonlyMap<string, HeldPoints>;
  readonly receiverId: string;
}
