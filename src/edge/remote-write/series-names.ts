/** Names of series as remote write sends them, encoded once; and which of them cannot be told apart there. */
import type { SeriesRegistry } from "../../model/series-registry.ts";
import { metricOfKey } from "../../model/series-key.ts";
import { encodedLabels } from "./write-request.ts";
import { metricNameFor, prometheusLabels, type LabelPair } from "./prometheus-labels.ts";

/** What is kept is forgotten as a whole past either. */
const [ENTRIES_MAX, BYTES_MAX] = [250_000, 64 * 1024 * 1024];

export class SeriesNames {
  readonly #registry: Pick<SeriesRegistry, "keyOf">;
  readonly #external: readonly LabelPair[];
  readonly #onCollision: (sentence: string) => void;
  #encoded = new Map<number, Uint8Array>();
  #bytes = 0;
  /** By what it is called there: no more than there are metrics. */
  readonly #metrics = new Map<string, string>();
  readonly #collided = new Set<string>();
  readonly #joined = new Set<number>();

  constructor(
    registry: Pick<SeriesRegistry, "keyOf">,
    external: readonly LabelPair[],
    onCollision: (sentence: string) => void,
  ) {
    this.#registry = registry;
    this.#external = external;
    this.#onCollision = onCollision;
  }

  /** Metrics that have the name of another one there, and series of which two tags became one label. */
  get collisions(): number {
    return this.#collided.size + this.#joined.size;
  }

  /** Undefined of a series that was deleted. */
  encodedOf(seriesId: number): Uint8Array | undefined {
    const known = this.#encoded.get(seriesId);
    if (known !== undefined) return known;
    const key = this.#keyOf(seriesId);
    if (key === undefined) return undefined;
    const { pairs, isJoined } = prometheusLabels(key, this.#external);
    this.#noteMetric(metricOfKey(key));
    if (isJoined && !this.#joined.has(seriesId)) {
      if (this.#joined.size === 0)
        this.#onCollision(`two tags of ${metricOfKey(key)} become one label; one of them is sent`);
      this.#joined.add(seriesId);
    }
    const encoded = encodedLabels(pairs);
    if (this.#encoded.size >= ENTRIES_MAX || this.#bytes > BYTES_MAX) {
      this.#encoded = new Map();
      this.#bytes = 0;
    }
    this.#encoded.set(seriesId, encoded);
    this.#bytes += encoded.byteLength;
    return encoded;
  }

  #noteMetric(metric: string): void {
    const name = metricNameFor(metric);
    const first = this.#metrics.get(name);
    if (first === undefined) return void this.#metrics.set(name, metric);
    if (first === metric || this.#collided.has(metric)) return;
    this.#collided.add(metric);
    this.#onCollision(`the metrics ${first} and ${metric} are both called ${name} by remote write`);
  }

  #keyOf(seriesId: number): string | undefined {
    try {
      return this.#registry.keyOf(seriesId);
    } catch {
      return undefined;
    }
  }
}
