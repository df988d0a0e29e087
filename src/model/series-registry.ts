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

const NONE: readonly number[] = [];

/**
 * All series known to this node: canonical key to small id and back, and the ids of every metric. Ids count up from 1
 * and are never reused. Lives on the event loop; what it learns is made durable by the log record that uses it first.
 */
export class SeriesRegistry {
  readonly #limits: SeriesLimits;
  readonly #idByKey = new Map<string, number>();
  readonly #keyById: string[] = [""];
  readonly #idsByMetric = new Map<string, number[]>();
  readonly #countBySource = new Map<string, number>();
  readonly #listeners = new Set<SeriesListener>();

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

  keyOf(id: number): string {
    const key = this.#keyById[id];
    if (!key) throw new RangeError(`there is no series ${id}`);
    return key;
  }

  identityOf(id: number): SeriesIdentity {
    return parseSeriesKey(this.keyOf(id));
  }

  /** Ids of one metric's series, ascending. The array is live: do not keep or change it. */
  idsOfMetric(metric: string): readonly number[] {
    return this.#idsByMetric.get(metric) ?? NONE;
  }

  metrics(): IterableIterator<string> {
    return this.#idsByMetric.keys();
  }

  /** Called with every series added from now on; returns what ends it. */
  onAdded(listener: SeriesListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
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
