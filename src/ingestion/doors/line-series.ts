/** The series of line protocol: measurement, tags and field as they stand in lines, to ids. */
import { TAGS_MAX } from "../../model/limits.ts";
import { MAPPED_LENGTH_MAX, metricNameOf } from "../../model/metric-name.ts";
import type { SeriesResolver } from "../../wire/decoded-batch.ts";
import { SeriesCache } from "../../wire/series-cache.ts";
import { readField, readSection, type LineForm } from "./line-parser.ts";

/** Of each of the cache's two generations. */
const CACHE_LIMITS = { entriesMax: 1 << 18, arenaBytesMax: 32 << 20 };
/** Longer ones, of which there is no need, would push all others out. */
const CACHED_BYTES_MAX = 4 * 1024;
const SOURCES_MAX = 10_000;
const SOURCE_TAG = "host";
/** The field that stands for its measurement. */
const PLAIN_FIELD = "value";

export interface LineSeriesDeps {
  readonly cacheSeed: number;
  isKnownSeries(id: number): boolean;
}

export class LineSeries {
  readonly #deps: LineSeriesDeps;
  readonly #cache: SeriesCache;
  #sources = new Map<string, LineSource>();
  #nextSource = 1;
  /** Of the line that was read last: its fields come one after the other. */
  #last: ReadLine | undefined;

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
    const id = isShort(form) ? this.#cache.find(view, form, source.number) : 0;
    if (id === 0) return undefined;
    if (this.#deps.isKnownSeries(id)) return id;
    // An entry cannot be replaced.
    this.#cache.clear();
    return undefined;
  }

  /** Makes it known; in words why it may not be. */
  find(source: LineSource, view: DataView, form: LineForm, resolve: SeriesResolver): number | string {
    const { measurement, tags } = this.#section(view, form);
    // Judged here, where there may be as many as bytes: what is behind it looks at each for every field.
    if (tags.size > TAGS_MAX + 1) return `has ${tags.size} tags; wanted at most ${TAGS_MAX}`;
    const key = readField(textOf(view, form.tagsAt, form.tagsEnd));
    const metric = metricNameOf(key === PLAIN_FIELD ? measurement : `${measurement}_${key}`);
    const host = source.given === undefined ? tags.get(SOURCE_TAG) : undefined;
    const others = host === undefined ? [...tags] : [...tags].filter(([name]) => name !== SOURCE_TAG);
    const found = resolve(metric, source.given ?? host ?? source.otherwise, others);
    if (typeof found === "number" && isShort(form)) this.#cache.add(view, form, source.number, found);
    return found;
  }

  #section(view: DataView, { metricAt, metricEnd }: LineForm): ReadLine {
    if (this.#last?.view === view && this.#last.metricAt === metricAt) return this.#last;
    const { measurement, tags } = readSection(textOf(view, metricAt, metricEnd));
    const name = measurement.slice(0, MAPPED_LENGTH_MAX);
    return (this.#last = { view, metricAt, measurement: name, tags: new Map(tags) });
  }
}

function isShort({ metricAt, metricEnd, tagsAt, tagsEnd }: LineForm): boolean {
  return metricEnd - metricAt + tagsEnd - tagsAt <= CACHED_BYTES_MAX;
}

interface ReadLine {
  readonly view: DataView;
  readonly metricAt: number;
  readonly measurement: string;
  readonly tags: ReadonlyMap<string, string>;
}

function textOf(view: DataView, from: number, to: number): string {
  return Buffer.from(view.buffer as ArrayBuffer, view.byteOffset + from, to - from).toString("latin1");
}

/** Where a request is from. */
export interface LineSource {
  /** Tells it from others. */
  readonly number: number;
  readonly given: string | undefined;
  readonly otherwise: string;
}
