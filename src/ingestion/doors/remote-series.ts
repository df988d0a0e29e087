/** The series of remote write: labels as they stand in the message, to ids. */
import { metricNameOf } from "../../model/metric-name.ts";
import type { SeriesResolver } from "../../wire/decoded-batch.ts";
import type { LabelBytes } from "./write-request.ts";

/** Kept; past it all are forgotten and read again. */
const SERIES_MAX = 200_000;
const KEY_BYTES_MAX = 64 * 1024 * 1024;
/** Of these the first that there is names the source. */
const SOURCE_LABELS = ["instance", "job"];
const OTHERWISE = "prometheus";

export class RemoteSeries {
  readonly #resolve: SeriesResolver;
  readonly #isKnown: (id: number) => boolean;
  /** By the source that the sender was given. */
  readonly #bySource = new Map<string, Map<string, number>>();
  #count = 0;
  #keyBytes = 0;

  constructor(resolve: SeriesResolver, isKnown: (id: number) => boolean) {
    this.#resolve = resolve;
    this.#isKnown = isKnown;
  }

  /** Undefined where it is not known yet, or was deleted since. */
  known(given: string | undefined, { key }: LabelBytes): number | undefined {
    const id = this.#bySource.get(keyOf(given))?.get(key);
    return id !== undefined && this.#isKnown(id) ? id : undefined;
  }

  /** Makes it known; in words why it may not be. */
  find(given: string | undefined, labels: LabelBytes): number | string {
    const read = labels.read();
    if (typeof read === "string") return read;
    // A label that is empty is none: so Prometheus has it.
    const pairs = read.filter(([, value]) => value !== "");
    const name = pairs.find(([label]) => label === "__name__")?.[1];
    if (name === undefined) return "has no label __name__; wanted the metric's name";
    const label = given === undefined ? SOURCE_LABELS.find((l) => pairs.some(([key]) => key === l)) : undefined;
    const source = given ?? pairs.find(([key]) => key === label)?.[1] ?? OTHERWISE;
    const tags = pairs.filter(([key]) => key !== "__name__" && key !== label);
    const found = this.#resolve(metricNameOf(name), source, tags);
    if (typeof found === "number") this.#keep(keyOf(given), labels.key, found);
    return found;
  }

  #keep(source: string, key: string, id: number): void {
    if (this.#count >= SERIES_MAX || this.#keyBytes + key.length > KEY_BYTES_MAX) {
      this.#bySource.clear();
      this.#count = this.#keyBytes = 0;
    }
    const ids = this.#bySource.get(source) ?? new Map<string, number>();
    this.#bySource.set(source, ids);
    if (!ids.has(key)) {
      this.#count++;
      this.#keyBytes += key.length;
    }
    ids.set(key, id);
  }
}

function keyOf(given: string | undefined): string {
  return JSON.stringify([given]);
}
