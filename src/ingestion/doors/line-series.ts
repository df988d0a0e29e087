/** The series of line protocol: measurement, tags and field as they stand in lines, to ids. */
import { metricNameOf } from "../../model/metric-name.ts";
import type { SeriesResolver } from "../../wire/decoded-batch.ts";
import { readField, readSection } from "./line-parser.ts";

/** Sections kept; past it all are forgotten and read again. */
const SECTIONS_MAX = 200_000;
const SOURCE_TAG = "host";
/** The field that stands for its measurement. */
const PLAIN_FIELD = "value";

export class LineSeries {
  readonly #resolve: SeriesResolver;
  readonly #isKnown: (id: number) => boolean;
  /** By where it is from, then by section, then by field. */
  readonly #bySource = new Map<string, Map<string, Map<string, number>>>();
  #sections = 0;

  constructor(resolve: SeriesResolver, isKnown: (id: number) => boolean) {
    this.#resolve = resolve;
    this.#isKnown = isKnown;
  }

  /** Undefined where it is not known yet, or was deleted since. */
  known(source: LineSource, section: string, field: string): number | undefined {
    const id = this.#bySource.get(source.key)?.get(section)?.get(field);
    return id !== undefined && this.#isKnown(id) ? id : undefined;
  }

  /** Makes it known; in words why it may not be. */
  find(source: LineSource, section: string, field: string): number | string {
    const { measurement, tags } = readSection(section);
    const key = readField(field);
    const metric = metricNameOf(key === PLAIN_FIELD ? measurement : `${measurement}_${key}`);
    const host = tags.findIndex(([name]) => name === SOURCE_TAG);
    const isHost = source.given === undefined && host >= 0;
    const name = source.given ?? (isHost ? tags[host][1] : source.otherwise);
    const found = this.#resolve(metric, name, isHost ? tags.filter((_, i) => i !== host) : tags);
    if (typeof found === "number") this.#keep(source.key, section, field, found);
    return found;
  }

  #keep(source: string, section: string, field: string, id: number): void {
    if (this.#sections >= SECTIONS_MAX) {
      this.#bySource.clear();
      this.#sections = 0;
    }
    const sections = this.#bySource.get(source) ?? new Map<string, Map<string, number>>();
    this.#bySource.set(source, sections);
    const fields = sections.get(section) ?? new Map<string, number>();
    if (fields.size === 0) this.#sections++;
    sections.set(section, fields);
    fields.set(field, id);
  }
}

/** Where a request is from. */
export interface LineSource {
  /** Tells it from others. */
  readonly key: string;
  /** The source of all its points. */
  readonly given: string | undefined;
  /** The source of those without the tag `host`. */
  readonly otherwise: string;
}
