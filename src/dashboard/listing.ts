/** What the requests that say what there is share: their sources, the size of a page, first times. */
import { invalidField } from "../model/errors.ts";
import type { Clock } from "../model/clock.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { SeesSeries } from "../model/series-scopes.ts";
import { timestampOfUs } from "../wire/timestamp.ts";
import type { LatestValues } from "./latest-values.ts";
import type { SlicedWork, Work } from "./sliced-work.ts";

/** The store as lists see it. */
export interface ExtentSource {
  /** The earliest event time of each series, Unix microseconds, NaN where nothing is stored; ids ascending. */
  extents(seriesIds: Uint32Array, options?: Partial<ListingOptions>): Promise<Float64Array>;
}

export interface ListingOptions {
  readonly signal: AbortSignal;
  /** Called with the name of each node that has some of the series and does not tell of them, once or more often. */
  onMissing(node: string): void;
}

export interface ListingDeps {
  readonly registry: SeriesRegistry;
  readonly latest: LatestValues;
  readonly store: ExtentSource;
  readonly clock: Clock;
  readonly sliced: SlicedWork;
  /** Whoever asks; all others are as if they were not there. */
  readonly sees: SeesSeries;
  /** Of the sensor of a series, by its key; "": none is known. */
  unitOf(key: string): string;
  /** Resolves once `latest` has what other nodes know of these series. */
  learn(seriesIds: Uint32Array, options: ListingOptions): Promise<void>;
}

/** Who is missing in an answer, in order of names. */
export class MissingNames {
  readonly #names = new Set<string>();
  readonly onMissing = (node: string): void => void this.#names.add(node);

  get all(): string[] {
    return [...this.#names].sort();
  }
}

const LIMIT_DEFAULT = 1_000;
const LIMIT_MAX = 10_000;
const IDS_PER_CHECK = 8_192;

/** Throws INVALID_ARGUMENT. */
export function pageLimit(limit: number): number {
  if (limit < 0 || limit > LIMIT_MAX) throw invalidField("limit", limit, `0 (${LIMIT_DEFAULT}) to ${LIMIT_MAX}`);
  return limit || LIMIT_DEFAULT;
}

/** Undefined where there is no time. */
export function timestampOrNone(timeUs: number): { seconds: bigint; nanos: number } | undefined {
  return Number.isFinite(timeUs) ? timestampOfUs(timeUs) : undefined;
}

export function lastTimeOf(latest: LatestValues, id: number): number {
  return latest.has(id) ? latest.timesUs[id] : -Infinity;
}

/** Series brought together, with the group of each. */
export interface GroupedSeries {
  /** Ascending, each once. */
  readonly ids: Uint32Array<ArrayBuffer>;
  /** Of `ids[i]`. */
  readonly groups: Uint32Array;
}

/** `idsOfGroup[g]` are the series of group g; no series is in two. Every id is below `idEnd`. */
export function* groupSeries(idsOfGroup: readonly (readonly number[])[], idEnd: number): Work<GroupedSeries> {
  const groupOf = new Uint32Array(idEnd);
  let count = 0;
  for (const [group, members] of idsOfGroup.entries()) {
    for (let i = 0; i < members.length; i++) {
      if (count++ % IDS_PER_CHECK === 0) yield;
      groupOf[members[i]] = group + 1;
    }
  }
  const ids = new Uint32Array(count);
  const groups = new Uint32Array(count);
  let at = 0;
  for (let id = 0; id < idEnd; id++) {
    if (id % IDS_PER_CHECK === 0) yield;
    if (groupOf[id] === 0) continue;
    ids[at] = id;
    groups[at++] = groupOf[id] - 1;
  }
  return { ids, groups };
}

/** The earliest of `timesUs`, which stand beside `groups`, in each group; NaN where there is none. */
export function* earliestOfGroups(timesUs: Float64Array, groups: Uint32Array, groupCount: number): Work<Float64Array> {
  const earliest = new Float64Array(groupCount).fill(NaN);
  for (let i = 0; i < timesUs.length; i++) {
    if (i % IDS_PER_CHECK === 0) yield;
    // Not "earlier", for nothing is earlier than NaN.
    if (timesUs[i] === timesUs[i] && !(timesUs[i] >= earliest[groups[i]])) earliest[groups[i]] = timesUs[i];
  }
  return earliest;
}
