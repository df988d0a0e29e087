/** What of the series of this node goes upstream, and which source each is of. */
import type { SequencesHeld } from "../../store/backlog-protocol.ts";
import type { SeriesRegistry } from "../../model/series-registry.ts";
import type { SeriesMatcher } from "../../model/matcher.ts";
import { metricOfKey, sourceOfKey } from "../../model/series-key.ts";
import { ANY_TIME, type TimeSpan } from "../../model/time-span.ts";

/** So many, and between which times they lie. */
export interface HeldPoints {
  readonly points: number;
  readonly times: TimeSpan;
}

const [UNKNOWN, PASSES, STAYS] = [0, 1, 2];

export class SeriesFilter {
  readonly #registry: SeriesRegistry;
  /** Undefined: all pass. */
  readonly #matcher: SeriesMatcher | undefined;
  #judged = new Uint8Array(1_024);
  /** Those that pass, below `#listedEnd`. */
  #listed: number[] = [];
  #listedEnd = 1;
  readonly #sources: (string | undefined)[] = [];

  constructor(registry: SeriesRegistry, matcher: SeriesMatcher | undefined) {
    this.#registry = registry;
    this.#matcher = matcher;
  }

  get passesAll(): boolean {
    return this.#matcher === undefined;
  }

  passes(seriesId: number): boolean {
    if (this.#matcher === undefined) return true;
    if (seriesId >= this.#judged.length) {
      const wider = new Uint8Array(Math.max(seriesId + 1, 2 * this.#judged.length));
      wider.set(this.#judged);
      this.#judged = wider;
    }
    if (this.#judged[seriesId] === UNKNOWN) this.#judged[seriesId] = this.#judge(seriesId) ? PASSES : STAYS;
    return this.#judged[seriesId] === PASSES;
  }

  /** Ascending; null: all. */
  passing(): Uint32Array | null {
    if (this.#matcher === undefined) return null;
    for (; this.#listedEnd < this.#registry.idEnd; this.#listedEnd++) {
      if (this.passes(this.#listedEnd)) this.#listed.push(this.#listedEnd);
    }
    return Uint32Array.from(this.#listed);
  }

  sourceOf(seriesId: number): string {
    return (this.#sources[seriesId] ??= sourceOfKey(keyOf(this.#registry, seriesId)));
  }

  /** Points of series that pass, by source; those that cannot be told apart under `unknown`, of any time. */
  heldBySource(
    { bySeries, points }: Pick<SequencesHeld, "bySeries" | "points">,
    unknown: string,
  ): Map<string, HeldPoints> {
    if (bySeries === null) return new Map(points === 0 ? [] : [[unknown, { points, times: ANY_TIME }]]);
    const { seriesIds, fromUs, toUs } = bySeries;
    const bySource = new Map<string, { points: number; times: { fromUs: number; toUs: number } }>();
    for (let i = 0; i < seriesIds.length; i++) {
      if (!this.passes(seriesIds[i])) continue;
      const source = this.sourceOf(seriesIds[i]);
      const held = bySource.get(source);
      if (held === undefined) {
        bySource.set(source, { points: bySeries.points[i], times: { fromUs: fromUs[i], toUs: toUs[i] } });
        continue;
      }
      held.points += bySeries.points[i];
      held.times.fromUs = Math.min(held.times.fromUs, fromUs[i]);
      held.times.toUs = Math.max(held.times.toUs, toUs[i]);
    }
    return bySource;
  }

  #judge(seriesId: number): boolean {
    const key = keyOf(this.#registry, seriesId);
    return key !== "" && this.#matcher!.matchesMetric(metricOfKey(key)) && this.#matcher!.matchesKey(key);
  }
}

/** "" of a series that was deleted long ago. */
function keyOf(registry: SeriesRegistry, seriesId: number): string {
  try {
    return registry.keyOf(seriesId);
  } catch {
    return "";
  }
}
