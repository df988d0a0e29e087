/** The store as the upstream sees it. */
import type { SequenceRanges } from "../../model/sequence-ranges.ts";
import type { RangeQuery, RangeResult } from "../../store/protocol.ts";
import type { BacklogPart, BacklogQuery, SequencesHeld } from "../../store/backlog-protocol.ts";

export interface UpstreamStore {
  range(query: RangeQuery, options: { readonly signal: AbortSignal }): Promise<RangeResult>;
  setUndelivered(ranges: SequenceRanges): void;
  undelivered(query: BacklogQuery, options?: { readonly signal?: AbortSignal }): Promise<BacklogPart>;
  countUndelivered(ranges: SequenceRanges): Promise<SequencesHeld>;
  sequencesOf(fromUs: number, toUs: number): Promise<SequenceRanges>;
}
