/** The series of remote write: labels as they stand in the message, to ids. */
import { metricNameOf } from "../../model/metric-name.ts";
import type { SeriesResolver } from "../../wire/decoded-batch.ts";
import { SeriesCache, type FormRange } from "../../wire/series-cache.ts";
import type { Labels } from "./write-request.ts";

/** Of each of the cache's two generations. */
const CACHE_LIMITS = { entriesMax: 1 << 18, arenaBytesMax: 48 << 20 };
/** Longer ones, of which there is no need, would push all others out. */
const CACHED_BYTES_MAX = 4 * 1024;
const SOURCES_MAX = 10_000;
/** Of these the first that there is names the source. */
const SOURCE_LABELS = ["instance", "job"];
const OTHERWISE = "prometheus";

export interface RemoteSeriesDeps {
  readonly cacheSeed: number;
  isKnownSeries(id: number): boolean;
}

/** Where a request is from. */
export interface RemoteSource {
  /** Tells it from others. */
  readonly number: number;
  readonly given: string | undefined;
}

export class RemoteSeries {
  readonly #deps: RemoteSeriesDeps;
  readonly #cache: SeriesCache;
  #sources = new Map<string | undefined, RemoteSource>();
  #nextSource = 1;

  constructor(deps: RemoteSeriesDeps) {
    this.#deps = deps;
    this.#cache = new SeriesCache(deps.cacheSeed, CACHE_LIMITS);
  }

  /** Of a request: the source of all its samples where one is `given`. */
  source(given: string | undefined): RemoteSource {
    let source = this.#sources.get(given);
    if (source === undefined) {
      if (this.#sources.size >= SOURCES_MAX) this.#sources = new Map();
      // Requests under way may still use numbers that are given anew: they are never the same.
      source = { number: this.#nextSource++, given };
      this.#sources.set(given, source);
    }
    return source;
  }

  /** Undefined where it is not known yet, or was deleted since. */
  known({ number }: RemoteSource, view: DataView, { form }: Labels): number | undefined {
    const id = isShort(form) ? this.#cache.find(view, form, number) : 0;
    if (id === 0) return undefined;
    if (this.#deps.isKnownSeries(id)) return id;
    // An entry cannot be replaced.
    this.#cache.clear();
    return undefined;
  }

  /** Makes it known; in words why it may not be. */
  find({ number, given }: RemoteSource, view: DataView, labels: Labels, resolve: SeriesResolver): number | string {
    const read = labels.read();
    if (typeof read === "string") return read;
    // A label that is empty is none: so Prometheus has it.
    const pairs = read.filter(([, value]) => value !== "");
    const name = pairs.find(([label]) => label === "__name__")?.[1];
    if (name === undefined) return "has no label __name__; wanted the metric's name";
    const label = given === undefined ? SOURCE_LABELS.find((l) => pairs.some(([key]) => key === l)) : undefined;
    const source = given ?? pairs.find(([key]) => key === label)?.[1] ?? OTHERWISE;
    const tags = pairs.filter(([key]) => key !== "__name__" && key !== label);
    const found = resolve(metricNameOf(name), source, tags);
    if (typeof found === "number" && isShort(labels.form)) this.#cache.add(view, labels.form, number, found);
    return found;
  }
}

function isShort({ metricAt, metricEnd }: FormRange): boolean {
  return metricEnd - metricAt <= CACHED_BYTES_MAX;
}
