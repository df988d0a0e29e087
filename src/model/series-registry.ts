import { WatchpostError } from "./errors.ts";
import { metricOfKey, parseSeriesKey, type SeriesIdentity } from "./series-key.ts";

/** A series as it is written to disk: its id and canonical key. */
export interface SeriesDefinition {
  readonly id: number;
  readonly key: string;
}

export interface SeriesLimits {
  readonly seriesMax: number;
  /** So that one device cannot lock out the rest. */
  readonly seriesPerSourceMax: number;
}

export type SeriesListener = (id: number, metric: string) => void;
export type ForgottenListener = (ids: readonly number[]) => void;

const NONE: readonly number[] = [];
/** Forgotten series whose keys can still be read: answers that are under way name them. */
const FORGOTTEN_MAX = 100_000;

/**
 * All series known to this node: canonical key to small id and back, and the ids of every metric. Ids count up from 1
 * and are never reused, not those of forgotten series either. Lives on the event loop; what it learns is made durable by
 * the log record that uses it first.
 */
export class SeriesRegistry {
  readonly #limits: SeriesLimits;
  readonly #idByKey = new Map<string, number>();
  readonly #keyById: string[] = [""];
  readonly #idsByMetric = new Map<string, number[]>();
  readonly #countBySource = new Map<string, number>();
  readonly #listeners = new Set<SeriesListener>();
  readonly #forgottenListeners = new Set<ForgottenListener>();
  /** Keys of series forgotten lately, oldest first. */
  readonly #forgotten = new Map<number, string>();
  /** Metrics whose ids hold some that are forgotten: one pass for many. */
  readonly #toClean = new Set<string>();

  constructor(limits: SeriesLimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#idByKey.size;
  }

  /** One more than the highest id. */
  get idEnd(): number {
    return this.#keyById.length;
  }

  idOf(key: string): number | undefined {
    return this.#idByKey.get(key);
  }

  /** Whether {@link add} would take a series of that source. */
  hasRoomFor(source: string): boolean {
    const { seriesMax, seriesPerSourceMax } = this.#limits;
    return this.count < seriesMax && (this.#countBySource.get(source) ?? 0) < seriesPerSourceMax;
  }

  /** The new series' id, or in words why it may not exist. `source` must be the key's. */
  add(key: string, source: string): number | string {
    const { seriesMax, seriesPerSourceMax } = this.#limits;
    if (this.count >= seriesMax)
      return `would be a new series; the limit of ${seriesMax} series (series_max) is reached`;
    if ((this.#countBySource.get(source) ?? 0) >= seriesPerSourceMax) {
      return `would be a new series of source ${JSON.stringify(source)}; the limit of ${seriesPerSourceMax} series a source (series_per_source_max) is reached`;
    }
    const id = this.#keyById.length;
    this.#insert(id, key, source);
    return id;
  }

  /** Puts back a series read from disk. Limits do not apply; what was kept stays. */
  restore({ id, key }: SeriesDefinition): void {
    if (this.#idByKey.has(key)) return;
    this.#insert(id, key, parseSeriesKey(key).source);
  }

  /** Gives no id below `idEnd` to a new series: something stored has it, also where no name of it is known. */
  reserve(idEnd: number): void {
    while (this.#keyById.length < idEnd) this.#keyById.push("");
  }

  /** Whether it is a series, and not forgotten. */
  has(id: number): boolean {
    return Boolean(this.#keyById[id]);
  }

  /**
   * Forgets series: their keys may come back with other ids, theirs are given to nobody again, which holds for ids that
   * are not known, too.
   */
  forget(ids: Iterable<number>): void {
    const gone: number[] = [];
    for (const id of ids) {
      this.reserve(id + 1);
      const key = this.#keyById[id];
      if (!key) continue;
      const { metric, source } = parseSeriesKey(key);
      this.#keyById[id] = "";
      this.#idByKey.delete(key);
      this.#forgotten.set(id, key);
      const left = this.#countBySource.get(source)! - 1;
      if (left > 0) this.#countBySource.set(source, left);
      else this.#countBySource.delete(source);
      this.#toClean.add(metric);
      gone.push(id);
    }
    for (const id of this.#forgotten.keys()) {
      if (this.#forgotten.size <= FORGOTTEN_MAX) break;
      this.#forgotten.delete(id);
    }
    if (gone.length > 0) for (const listener of this.#forgottenListeners) listener(gone);
  }

  /** Also of a series that was forgotten lately. Throws ABORTED where that is too long ago for the question. */
  keyOf(id: number): string {
    const key = this.#keyById[id] || this.#forgotten.get(id);
    if (key) return key;
    if (id < this.idEnd) throw new WatchpostError("ABORTED", `series ${id} was deleted meanwhile; ask again`);
    throw new RangeError(`there is no series ${id}`);
  }

  identityOf(id: number): SeriesIdentity {
    return parseSeriesKey(this.keyOf(id));
  }

  /** Ids of one metric's series, ascending. The array is live: it grows, and after a deletion another takes its place. */
  idsOfMetric(metric: string): readonly number[] {
    if (this.#toClean.has(metric)) this.#clean(metric);
    return this.#idsByMetric.get(metric) ?? NONE;
  }

  metrics(): IterableIterator<string> {
    for (const metric of this.#toClean) this.#clean(metric);
    return this.#idsByMetric.keys();
  }

  /** Called with every series added from now on; returns what ends it. */
  onAdded(listener: SeriesListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Called with the series of every deletion from now on; returns what ends it. */
  onForgotten(listener: ForgottenListener): () => void {
    this.#forgottenListeners.add(listener);
    return () => void this.#forgottenListeners.delete(listener);
  }

  #clean(metric: string): void {
    const left = this.#idsByMetric.get(metric)!.filter((id) => this.has(id));
    if (left.length > 0) this.#idsByMetric.set(metric, left);
    else this.#idsByMetric.delete(metric);
    this.#toClean.delete(metric);
  }

  #insert(id: number, key: string, source: string): void {
    const metric = metricOfKey(key);
    this.#idByKey.set(key, id);
    this.#keyById[id] = key;
    const ids = this.#idsByMetric.get(metric);
    if (ids) ids.push(id);
    else this.#idsByMetric.set(metric, [id]);
    this.#countBySource.set(source, (this.#countBySource.get(source) ?? 0) + 1);
    for (const listener of this.#listeners) listener(id, metric);
  }
}
