/** What became of the points of each source: the sending half. What the receiver has counted is what it is brought to. */
import { create } from "@bufbuild/protobuf";
import { LEDGER_SOURCES_MAX, OTHER_SOURCES } from "../../model/limits.ts";
import type { DocumentChange, DocumentQuery, StoredDocument } from "../../model/journal.ts";
import { ANY_TIME, joinedSpan, NO_TIME, type TimeSpan } from "../../model/time-span.ts";
import {
  DroppedPointsSchema,
  type DroppedPoints,
  type RefusedPoints,
  type SourceDelivery,
} from "../../wire/gen/forwarding_pb.ts";
import { droppedSpan, droppedTimestamps } from "../../wire/dropped-times.ts";
import { usOfTimestamp } from "../../wire/timestamp.ts";
import type { ChunkSpans } from "./chunk-spans.ts";
import type { HeldPoints } from "./series-filter.ts";

export interface SourceCounts {
  acked: number;
  refused: number;
  dropped: number;
  droppedTimes: TimeSpan;
  /** Event times of what was acknowledged; Infinity and -Infinity where nothing was. */
  firstUs: number;
  lastUs: number;
  lastAckedMs: number;
}

export interface LedgerJournal {
  documents(query: DocumentQuery): Promise<readonly StoredDocument[]>;
}

export const NOTHING_COUNTED: Readonly<SourceCounts> = {
  ...{ acked: 0, refused: 0, dropped: 0, droppedTimes: NO_TIME },
  ...{ firstUs: Infinity, lastUs: -Infinity, lastAckedMs: 0 },
};

const COLLECTION = "upstream.source";
const PAGE = 1_000;

export class DeliveryLedger {
  readonly #counts = new Map<string, SourceCounts>();
  readonly #changed = new Set<string>();
  /** Points given up that the receiver has not been told of, by source. */
  readonly #untold = new Map<string, HeldPoints>();
  /** No more than there are damaged places on the disk. */
  readonly #damagedPlaces = new Set<string>();

  static async read(journal: LedgerJournal): Promise<DeliveryLedger> {
    const ledger = new DeliveryLedger();
    for (let query: DocumentQuery = { collection: COLLECTION, limit: PAGE }; ;) {
      const page = await journal.documents(query);
      for (const { key, value } of page) {
        const counts = JSON.parse(value);
        // JSON has no infinite numbers.
        const [firstUs, lastUs] = [counts.firstUs ?? Infinity, counts.lastUs ?? -Infinity];
        // What was dropped by a version that did not write it down may be of any time.
        const { droppedTimes = ANY_TIME } = counts;
        ledger.#counts.set(key, {
          ...counts,
          firstUs,
          lastUs,
          droppedTimes: counts.dropped > 0 ? droppedTimes : NO_TIME,
        });
      }
      if (page.length < PAGE) return ledger;
      query = { ...query, after: page.at(-1)! };
    }
  }

  sources(): ReadonlyMap<string, Readonly<SourceCounts>> {
    return this.#counts;
  }

  /** Sources that have changed since the changes were taken. */
  get changed(): number {
    return this.#changed.size;
  }

  /** Whether rows of this damaged place were not met before: each is counted once, however often it is passed. */
  isFirstAt(place: string): boolean {
    const isFirst = !this.#damagedPlaces.has(place);
    this.#damagedPlaces.add(place);
    return isFirst;
  }

  acked({ count, seriesIds, counts, fromUs, toUs }: ChunkSpans, sourceOf: (id: number) => string, nowMs: number): void {
    let [source, of]: [string | undefined, SourceCounts | undefined] = [undefined, undefined];
    for (let i = 0; i < count; i++) {
      const next = sourceOf(seriesIds[i]);
      if (of === undefined || next !== source) [source, of] = [next, this.#of(next)];
      of.acked += counts[i];
      of.firstUs = Math.min(of.firstUs, fromUs[i]);
      of.lastUs = Math.max(of.lastUs, toUs[i]);
      of.lastAckedMs = nowMs;
    }
  }

  /** Of points that were counted as acknowledged. */
  refused(refused: readonly RefusedPoints[]): void {
    for (const { source, points } of refused) {
      const counts = this.#of(source);
      counts.refused += Number(points);
      counts.acked -= Number(points);
    }
  }

  dropped(source: string, { points, times }: HeldPoints): void {
    if (points === 0) return;
    const counts = this.#of(source);
    counts.dropped += points;
    counts.droppedTimes = joinedSpan(counts.droppedTimes, times);
    const before = this.#untold.get(source);
    this.#untold.set(source, {
      points: points + (before?.points ?? 0),
      times: before === undefined ? times : joinedSpan(before.times, times),
    });
  }

  /** What the receiver is to be told with the next range; it is told no more. */
  takeUntold(): DroppedPoints[] {
    const told = [...this.#untold].map(([source, { points, times: span }]) => {
      const [firstTime, lastTime] = droppedTimestamps(span);
      const times = firstTime && { firstTime, lastTime };
      return create(DroppedPointsSchema, { source, points: BigInt(points), reason: "dropped", ...times });
    });
    this.#untold.clear();
    return told;
  }

  /** The receiver's ledger, when a stream begins: what it has counted and not acknowledged before is made good. */
  adopt(sources: readonly SourceDelivery[]): void {
    const known = new Map(sources.map((source) => [source.source, source]));
    if (known.has(OTHER_SOURCES)) this.#countTogether(known);
    for (const [source, counts] of this.#counts) if (!known.has(source)) this.#adopt(source, counts, undefined);
    for (const [source, delivery] of known) this.#adopt(source, this.#of(source), delivery);
  }

  /** Documents of what has changed since. */
  takeChanges(): DocumentChange[] {
    const changes = [...this.#changed].map((source) => {
      const counts = this.#counts.get(source);
      return {
        collection: COLLECTION,
        key: source,
        sort: 0,
        value: counts === undefined ? null : JSON.stringify(counts),
      };
    });
    this.#changed.clear();
    return changes;
  }

  /** They are taken again. */
  notWritten(changes: readonly DocumentChange[]): void {
    for (const { key } of changes) this.#changed.add(key);
  }

  /** What the receiver does not tell apart: it would be told of it with every stream, as of what it does not know. */
  #countTogether(known: ReadonlyMap<string, unknown>): void {
    const others = this.#of(OTHER_SOURCES);
    for (const [source, { dropped, droppedTimes }] of this.#counts) {
      if (known.has(source)) continue;
      others.dropped += dropped;
      others.droppedTimes = joinedSpan(others.droppedTimes, droppedTimes);
      this.#counts.delete(source);
      this.#untold.delete(source);
      this.#changed.add(source);
    }
  }

  #adopt(source: string, counts: SourceCounts, delivery: SourceDelivery | undefined): void {
    this.#changed.add(source);
    counts.acked = Number(delivery?.ackedPoints ?? 0n);
    counts.refused = Number(delivery?.refusedPoints ?? 0n);
    counts.firstUs = delivery?.firstTime === undefined ? Infinity : usOfTimestamp(delivery.firstTime);
    counts.lastUs = delivery?.lastTime === undefined ? -Infinity : usOfTimestamp(delivery.lastTime);
    const told = Number(delivery?.droppedPoints ?? 0n);
    if (told > counts.dropped) {
      const times = droppedSpan(delivery?.firstDroppedTime, delivery?.lastDroppedTime) ?? ANY_TIME;
      [counts.dropped, counts.droppedTimes] = [told, joinedSpan(counts.droppedTimes, times)];
    }
    this.#untold.delete(source);
    const untold = counts.dropped - told;
    if (untold > 0) this.#untold.set(source, { points: untold, times: counts.droppedTimes });
  }

  #of(source: string): SourceCounts {
    let counts = this.#counts.get(source);
    if (counts === undefined && this.#counts.size >= LEDGER_SOURCES_MAX && source !== OTHER_SOURCES)
      return this.#of(OTHER_SOURCES);
    if (counts === undefined) {
      counts = { ...NOTHING_COUNTED };
      this.#counts.set(source, counts);
    }
    this.#changed.add(source);
    return counts;
  }
}
