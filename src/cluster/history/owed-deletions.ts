/**
 * Series that were deleted while a node that has some of them was not reached: it owes their deletion, by documents of the journal that
 * the nodes share, and makes it good once it reads them. So what is deleted does not come back with the node.
 */
import type { Journal } from "../../log/journal.ts";
import type { Clock } from "../../model/clock.ts";
import { messageOf } from "../../model/errors.ts";
import type { DocumentChange, StoredDocument } from "../../model/journal.ts";
import { Serial } from "../../model/serial.ts";
import type { SeriesRegistry } from "../../model/series-registry.ts";
import type { OwnStore } from "./own-series.ts";
import { keysAtOnce } from "./series-part.ts";

export interface OwedDeletionsDeps {
  readonly journal: Pick<Journal, "documents" | "append" | "followChanges">;
  readonly registry: Pick<SeriesRegistry, "idOf">;
  readonly store: Pick<OwnStore, "arrivals">;
  readonly nodeId: string;
  readonly clock: Clock;
  /** Deletes series of this node; resolves when that is durable. */
  retire(seriesIds: Uint32Array): Promise<void>;
  onNews(sentence: string): void;
  onTrouble(sentence: string): void;
}

interface Owed {
  readonly keys: readonly string[];
  /** When they were deleted, Unix milliseconds. */
  readonly atMs: number;
}

const COLLECTION = "cluster.deleted";
const SEPARATOR = " ";
const DOCUMENTS_AT_ONCE = 100;
const [RETRY_MS, KEPT_MS] = [10_000, 90 * 24 * 3_600_000];
const ALL = "";

/** Resolves once it is sure that the node will delete these when it is back. Rejects as the journal does. */
export async function oweDeletion(
  journal: Pick<Journal, "append">,
  nodeId: string,
  keys: readonly string[],
  atMs: number,
): Promise<void> {
  for (let [at, end] = [0, 0]; at < keys.length; at = end) {
    end = at + keysAtOnce(keys, at);
    const value = JSON.stringify({ keys: keys.slice(at, end), atMs });
    const key = `${nodeId}${SEPARATOR}${crypto.randomUUID()}`;
    await journal.append([], [{ collection: COLLECTION, key, sort: atMs, value }]);
  }
}

export class OwedDeletions {
  readonly #deps: OwedDeletionsDeps;
  readonly #serial = new Serial();
  readonly #unfollow: () => void;
  #cancel: () => void = () => {};
  #isClosed = false;

  /** Looks at once, and whenever more is owed. */
  constructor(deps: OwedDeletionsDeps) {
    this.#deps = deps;
    this.#unfollow = deps.journal.followChanges((changes) => {
      if (changes.some((change) => change.value !== null && this.#isOwn(change))) void this.look();
    });
    void this.look();
  }

  /** Resolves once what is owed now is made good, or is to be tried again. Never rejects. */
  look(): Promise<void> {
    return this.#serial.run(ALL, async () => {
      const { clock, onTrouble } = this.#deps;
      this.#cancel();
      try {
        await this.#makeGood();
      } catch (error) {
        if (this.#isClosed) return;
        onTrouble(`series that were deleted while this node was away are not deleted yet: ${messageOf(error)}`);
        this.#cancel = clock.after(RETRY_MS, () => void this.look());
      }
    });
  }

  /** Resolves once nothing is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unfollow();
    this.#cancel();
    await this.#serial.run(ALL, async () => {});
  }

  #isOwn({ collection, key }: Pick<DocumentChange, "collection" | "key">): boolean {
    return collection === COLLECTION && key.startsWith(`${this.#deps.nodeId}${SEPARATOR}`);
  }

  async #makeGood(): Promise<void> {
    const { journal, clock } = this.#deps;
    for (let after: StoredDocument | undefined; ;) {
      const query = { collection: COLLECTION, limit: DOCUMENTS_AT_ONCE };
      const documents = await journal.documents(after === undefined ? query : { ...query, after });
      for (const document of documents) {
        if (this.#isClosed) return;
        const owed = JSON.parse(document.value) as Owed;
        const isOwn = this.#isOwn(document);
        if (isOwn) await this.#delete(owed);
        // Of a node that is not back after such a time nothing is waited for.
        else if (clock.nowMs() - owed.atMs < KEPT_MS) continue;
        const { collection, key, sort } = document;
        await journal.append([], [{ collection, key, sort, value: null }]);
      }
      after = documents.at(-1);
      if (documents.length < DOCUMENTS_AT_ONCE) return;
    }
  }

  /** Those that points have come of since are there on purpose, and their points were acknowledged. */
  async #delete({ keys, atMs }: Owed): Promise<void> {
    const { registry, retire, onNews } = this.#deps;
    const ids = Uint32Array.from(keys.flatMap((key) => registry.idOf(key) ?? [])).sort();
    const later = await this.#withLaterPoints(ids, atMs);
    const gone = ids.filter((id) => !later.has(id));
    if (gone.length > 0) await retire(gone);
    const at = new Date(atMs).toISOString();
    if (gone.length > 0) onNews(`${gone.length} series that were deleted while this node was away (${at}) are deleted`);
    if (later.size > 0)
      onNews(`${later.size} series that were deleted while this node was away (${at}) stay: points came here since`);
  }

  async #withLaterPoints(seriesIds: Uint32Array, atMs: number): Promise<ReadonlySet<number>> {
    const found = new Set<number>();
    if (seriesIds.length === 0) return found;
    const fromS = Math.floor(atMs / 1_000) + 1;
    const times = { fromUs: -Infinity, toUs: Infinity, toS: Infinity };
    for (let next: { fromS: number; fromSlot: number } | null = { fromS, fromSlot: 0 }; next !== null;) {
      const result = await this.#deps.store.arrivals({ seriesIds, ...next, ...times, partRows: ROWS_AT_ONCE });
      for (const slot of result.slots) found.add(seriesIds[slot]);
      next = result.next;
    }
    return found;
  }
}

const ROWS_AT_ONCE = 65_536;
