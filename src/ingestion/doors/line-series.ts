/** The series of line protocol: measurement, tags and field as they stand in lines, to ids. */
import { metricNameOf } from "../../model/metric-name.ts";
import type { SeriesResolver } from "../../wire/decoded-batch.ts";
import { SeriesCache } from "../../wire/series-cache.ts";
import { readField, readSection, type LineForm } from "./line-parser.ts";

/** Of each of the cache's two generations. */
const CACHE_LIMITS = { entriesMax: 1 << 18, arenaBytesMax: 32 << 20 };
const SOURCES_MAX = 10_000;
const SOURCE_TAG = "host";
/** The field that stands for its measurement. */
const PLAIN_FIELD = "value";

export interface LineSeriesDeps {
  readonly resolve: SeriesResolver;
  readonly cacheSeed: number;
  isKnownSeries(id: number): boolean;
}

export class LineSeries {
  readonly #deps: LineSeriesDeps;
  readonly #cache: SeriesCache;
  #sources = new Map<string, LineSource>();
  #nextSource = 1;

  constructor(deps: LineSeriesDeps) {
    this.#deps = deps;
    this.#cache = new SeriesCache(deps.cacheSeed, CACHE_LIMITS);
  }

  /** Of a request: the source of all its points where one is `given`, else of those without the tag `host`. */
  source(given: string | undefined, otherwise: string): LineSource {
    const key = JSON.stringify([given, otherwise]);
    let source = this.#sources.get(key);
    if (source === undefined) {
      if (this.#sources.size >= SOURCES_MAX) this.#sources = new Map();
      // Requests under way may still use numbers that are given anew: they are never the same.
      source = { number: this.#nextSource++, given, otherwise };
      this.#sources.set(key, source);
    }
    return source;
  }

  /** Undefined where it is not known yet, or was deleted since. */
  known(source: LineSource, view: DataView, form: LineForm): number | undefined {
    const id = this.#cache.find(view, form, source.number);
    if (id === 0) return undefined;
    if (this.#deps.isKnownSeries(id)) return id;
    // An entry cannot be replaced.
    this.#cache.clear();
    return undefined;
  }

  /** Makes it known; in words why it may not be. */
  find(source: LineSource, view: DataView, form: LineForm): number | string {
    const text = (from: number, to: number) =>
      Buffer.from(view.buffer as ArrayBuffer, view.byteOffset + from, to - from).toString("latin1");
    const { measurement, tags } = readSection(text(form.metricAt, form.metricEnd));
    const key = readField(text(form.tagsAt, form.tagsEnd));
    const metric = metricNameOf(key === PLAIN_FIELD ? measurement : `${measurement}_${key}`);
    const host = tags.findIndex(([name]) => name === SOURCE_TAG);
    const isHost = source.given === undefined && host >= 0;
    const name = source.given ?? (isHost ? tags[host][1] : source.otherwise);
    const found = this.#deps.resolve(metric, name, isHost ? tags.filter((_, i) => i !== host) : tags);
    if (typeof found === "number") this.#cache.add(view, form, source.number, found);
    return found;
  }
}

/** Where a request is from. */
export interface LineSource {
  /** Tells it from others. */
  readonly number: number;
  readonly given: string | undefined;
  readonly otherwise: string;
}
