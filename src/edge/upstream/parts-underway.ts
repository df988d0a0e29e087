/** Parts on their way in either stream of a link, until they are acknowledged. */
import type { FrameBlock } from "../../codec/frame-block.ts";
import type { Clock } from "../../model/clock.ts";
import type { SeriesRegistry } from "../../model/series-registry.ts";
import {
  withoutSequences,
  withSequences,
  type SequenceRange,
  type SequenceRanges,
} from "../../model/sequence-ranges.ts";
import type { UnreadableRows } from "../../store/backlog-protocol.ts";
import type { RefusedPoints } from "../../wire/gen/forwarding_pb.ts";
import type { Bandwidth } from "./bandwidth.ts";
import { mayShare, spansOfBlock, type ChunkSpans } from "./chunk-spans.ts";
import type { DeliveryLedger } from "./delivery-ledger.ts";
import type { ForwardedInit, Lane, LaneName, SentPart } from "./lane.ts";
import { NamedSeries } from "./named-series.ts";
import type { SeriesFilter } from "./series-filter.ts";
import type { UpstreamState } from "./upstream-state.ts";

export interface PartsUnderwayDeps {
  readonly clock: Clock;
  readonly registry: Pick<SeriesRegistry, "identityOf">;
  readonly state: UpstreamState;
  readonly ledger: DeliveryLedger;
  readonly filter: SeriesFilter;
  readonly bandwidth: Bandwidth;
  /** `end`: behind the last sequence of what was sent. */
  onSent(lane: LaneName, bytes: number, end: number): void;
  /** How many were acknowledged, and which of them were refused. */
  onDelivered(points: number, refused: readonly RefusedPoints[]): void;
  /** So many were on a damaged place of the disk. */
  onUnreadable(points: number): void;
}

/** Points of a part. */
export interface PartContent {
  readonly block: FrameBlock;
  readonly points: number;
  readonly spans: ChunkSpans;
}

/** What a part is of. */
export interface PartOf {
  /** All sequences that its points came with. */
  readonly sequences: SequenceRange;
  /** Whether it is the last of them. */
  readonly isLast: boolean;
  readonly isResend: boolean;
  /** Points that should be in it and cannot be read. */
  readonly unreadable?: readonly UnreadableRows[];
}

const NOTHING = { spans: null, points: 0, unreadable: [] };

export class PartsUnderway {
  readonly #deps: PartsUnderwayDeps;
  readonly #named: Record<LaneName, NamedSeries>;
  #delivering: SequenceRanges = [];

  constructor(deps: PartsUnderwayDeps) {
    this.#deps = deps;
    this.#named = { live: new NamedSeries(deps.registry), backlog: new NamedSeries(deps.registry) };
  }

  /** Sequences that are delivered once all is acknowledged. */
  get delivering(): SequenceRanges {
    return this.#delivering;
  }

  /** `content` null: nothing of the sequences is wanted, or nothing of them is left. */
  send(lane: Lane, content: PartContent | null, { sequences, isLast, isResend, unreadable = [] }: PartOf): void {
    const { ledger } = this.#deps;
    const { block, spans, points } = content ?? { block: null, spans: null, points: 0 };
    const names = block === null ? [] : this.#named[lane.name].name(block.seriesIds);
    for (const series of names.slice(0, -1)) {
      this.#write(lane, { series }, { ...NOTHING, sequences, isLast: false, isResend });
    }
    const dropped = isLast && !isResend ? ledger.takeUntold() : [];
    if (isLast) this.#delivering = withSequences(this.#delivering, ...sequences);
    const blockBytes = block !== null && { series: names.at(-1)!, blockIndex: block.index, blockBody: block.body };
    this.#write(lane, { ...blockBytes, dropped }, { sequences, isLast, isResend, spans, points, unreadable });
  }

  #write(lane: Lane, content: ForwardedInit, part: SentPart): void {
    const { bandwidth, clock, onSent } = this.#deps;
    const { isLast, isResend } = part;
    const [from, to] = part.sequences;
    const bytes = lane.send({ ...content, sequences: { from: BigInt(from), to: BigInt(to) }, isLast, isResend }, part);
    bandwidth.take(bytes, clock.monotonicMs());
    onSent(lane.name, bytes, to);
  }

  acked(parts: readonly SentPart[], refused: readonly RefusedPoints[]): void {
    const { state, ledger, filter, clock, onDelivered, onUnreadable } = this.#deps;
    let points = 0;
    for (const part of parts) {
      points += part.points;
      for (const { place, points: unreadable } of part.isResend ? [] : part.unreadable) {
        if (ledger.isFirstAt(place)) onUnreadable(unreadable);
      }
      if (part.spans !== null && !part.isResend) ledger.acked(part.spans, (id) => filter.sourceOf(id), clock.nowMs());
      if (!part.isLast) continue;
      state.delivered(part.sequences, part.isResend);
      this.#delivering = withoutSequences(this.#delivering, ...part.sequences);
    }
    if (!parts.some(({ isResend }) => isResend)) ledger.refused(refused);
    onDelivered(points, refused);
  }
}

export function partContent(block: FrameBlock, points: number): PartContent {
  return { block, points, spans: spansOfBlock(block.index) };
}

/** Whether a lane has anything on its way that may be of the same series and time. */
export function hasSomethingSharing({ partsInFlight }: Lane, spans: ChunkSpans): boolean {
  return partsInFlight.some((part) => part.spans !== null && mayShare(part.spans, spans));
}
