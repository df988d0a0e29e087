/** What became of the points of each source: the sending half. What the receiver has counted is what it is brought to. */
import { LEDGER_SOURCES_MAX, OTHER_SOURCES } from "../../model/limits.ts";
import type { DocumentChange, DocumentQuery, StoredDocument } from "../../model/journal.ts";
import type { RefusedPoints, SourceDelivery } from "../../wire/gen/forwarding_pb.ts";
import { usOfTimestamp } from "./timestamp-us.ts";
import type { ChunkSpans } from "./chunk-spans.ts";

export interface SourceCounts {
  acked: number;
  refused: number;
  dropped: number;
  /** Event times of what was acknowledged; Infinity and -Infinity where nothing was. */
  firstUs: number;
  lastUs: number;
  lastAckedMs: number;
}

export interface LedgerJournal {
  documents(query: DocumentQuery): Promise<readonly StoredDocument[]>;
}

const COLLECTION = "upstream.source";
const PAGE = 1_000;

export class DeliveryLedger {
  readonly #counts = new Map<string, SourceCounts>();
  readonly #changed = new Set<string>();
  /** Points given up that the receiver has not been told of, by source. */
  readonly #untold = new Map<string, number>();
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
        ledger.#counts.set(key, { ...counts, firstUs, lastUs });
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

  dropped(source: string, points: number): void {
    if (points === 0) return;
    this.#of(source).dropped += points;
    this.#untold.set(source, (this.#untold.get(source) ?? 0) + points);
  }

  /** What the receiver is to be told with the next range; it is told no more. */
  takeUntold(): { source: string; points: bigint; reason: string }[] {
    const told = [...this.#untold].map(([source, points]) => ({ source, points: BigInt(points), reason: "dropped" }));
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
    for (const [source, { dropped }] of this.#counts) {
      if (known.has(source)) continue;
      others.dropped += dropped;
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
    counts.dropped = Math.max(counts.dropped, told);
    this.#untold.delete(source);
    if (counts.dropped > told) this.#untold.set(source, counts.dropped - told);
  }

  #of(source: string): SourceCounts {
    let counts = this.#counts.get(source);
    if (counts === undefined && this.#counts.size >= LEDGER_SOURCES_MAX && source !== OTHER_SOURCES)
      return this.#of(OTHER_SOURCES);
    if (counts === undefined) {
      counts = { acked: 0, refused: 0, dropped: 0, firstUs: Infinity, lastUs: -Infinity, lastAckedMs: 0 };
      this.#counts.set(source, counts);
    }
    this.#changed.add(source);
    return counts;
  }
}
