/** ListTagValues: the values of a tag, or the keys of tags, over the series that match. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { valueInKey } from "../model/matcher.ts";
import { parseSeriesKey } from "../model/series-key.ts";
import type { ListTagValuesRequest, ListTagValuesResponseSchema } from "../wire/gen/history_pb.ts";
import { firstInOrder } from "./in-order.ts";
import { lastTimeOf, pageLimit, timestampOrNone, type ListingDeps, MissingNames } from "./listing.ts";
import { requestMatcher } from "./request-matcher.ts";
import { selectSeries } from "./select-series.ts";
import type { Work } from "./sliced-work.ts";

interface Counted {
  series: number;
  /** NaN where nothing is stored. */
  firstUs: number;
  lastUs: number;
}

interface Page {
  readonly values: ReadonlyMap<string, Counted>;
  /** Series that have one of them, ascending. */
  readonly ids: Uint32Array;
  readonly total: number;
  readonly more: boolean;
}

const SERIES_PER_CHECK = 64;
const MAPS = 251;

/** Series without the tag are not counted. Throws INVALID_ARGUMENT naming the field. */
export async function listTagValues(
  request: ListTagValuesRequest,
  deps: ListingDeps,
  signal: AbortSignal,
): Promise<MessageInitShape<typeof ListTagValuesResponseSchema>> {
  const { prefix, after } = request;
  const limit = pageLimit(request.limit);
  const matcher = requestMatcher({ ...request, metric: request.metric || "*" });
  const textsOf = textsByKey(request.key);

  function* page(): Work<Page> {
    const counted = new CountedTexts();
    const ids = yield* selectSeries(deps.registry, matcher, deps.sees);
    yield* count(ids, deps, textsOf, prefix, counted);
    const left: [string, Counted][] = [];
    let total = 0;
    for (const entry of counted.all()) {
      if (++total % SERIES_PER_CHECK === 0) yield;
      if (entry[0] > after) left.push(entry);
    }
    const values = new Map(yield* firstInOrder(left, limit, ([a], [b]) => (a < b ? -1 : 1)));
    const having = yield* seriesWith(values, ids, deps, textsOf);
    return { total, more: left.length > values.size, values, ids: having };
  }
  const { total, more, values, ids } = await deps.sliced.run(page(), signal);
  const missing = new MissingNames();
  const { onMissing } = missing;
  await deps.learn(ids, { signal, onMissing });
  const firstsUs = await deps.store.extents(ids, { signal, onMissing });
  await deps.sliced.run(noteTimes(firstsUs, ids, deps, textsOf, values), signal);
  return {
    values: Array.from(values, ([value, { series, firstUs, lastUs }]) => ({
      value,
      series: BigInt(series),
      firstSeen: timestampOrNone(firstUs),
      lastSeen: timestampOrNone(lastUs),
    })),
    total: BigInt(total),
    more,
    missingNodes: missing.all,
  };
}

function textsByKey(key: string): (seriesKey: string) => string[] {
  if (key === "") return (seriesKey) => parseSeriesKey(seriesKey).tags.map(([tag]) => tag);
  return (seriesKey) => {
    const value = valueInKey(seriesKey, key);
    return value === "" ? [] : [value];
  };
}

function* count(
  ids: Uint32Array,
  { registry, latest }: ListingDeps,
  textsOf: (seriesKey: string) => string[],
  prefix: string,
  counted: CountedTexts,
): Work<void> {
  for (let i = 0; i < ids.length; i++) {
    if (i % SERIES_PER_CHECK === 0) yield;
    if (!registry.has(ids[i])) continue;
    const lastUs = lastTimeOf(latest, ids[i]);
    for (const text of textsOf(registry.keyOf(ids[i]))) {
      if (text.startsWith(prefix)) counted.add(text, lastUs);
    }
  }
}

function* seriesWith(
  values: ReadonlyMap<string, Counted>,
  ids: Uint32Array,
  { registry }: ListingDeps,
  textsOf: (seriesKey: string) => string[],
): Work<Uint32Array> {
  const found: number[] = [];
  for (let i = 0; i < ids.length; i++) {
    if (i % SERIES_PER_CHECK === 0) yield;
    if (registry.has(ids[i]) && textsOf(registry.keyOf(ids[i])).some((text) => values.has(text))) found.push(ids[i]);
  }
  return Uint32Array.from(found).sort();
}

/** `firstsUs` are those of `ids`. */
function* noteTimes(
  firstsUs: Float64Array,
  ids: Uint32Array,
  { registry, latest }: ListingDeps,
  textsOf: (seriesKey: string) => string[],
  values: ReadonlyMap<string, Counted>,
): Work<void> {
  for (let i = 0; i < ids.length; i++) {
    if (i % SERIES_PER_CHECK === 0) yield;
    if (!registry.has(ids[i])) continue;
    const lastUs = lastTimeOf(latest, ids[i]);
    for (const text of textsOf(registry.keyOf(ids[i]))) {
      const counted = values.get(text);
      if (counted === undefined) continue;
      if (lastUs > counted.lastUs) counted.lastUs = lastUs;
      // Not "earlier", for nothing is earlier than NaN.
      if (!Number.isNaN(firstsUs[i]) && !(firstsUs[i] >= counted.firstUs)) counted.firstUs = firstsUs[i];
    }
  }
}

/** Many small maps: one of a million entries takes a third of a second to grow. */
class CountedTexts {
  readonly #maps = Array.from({ length: MAPS }, () => new Map<string, Counted>());

  add(text: string, lastUs: number): void {
    const map = this.#maps[mapOf(text)];
    const known = map.get(text);
    if (known === undefined) map.set(text, { series: 1, firstUs: NaN, lastUs });
    else {
      known.series++;
      if (lastUs > known.lastUs) known.lastUs = lastUs;
    }
  }

  *all(): Generator<[string, Counted], void> {
    for (const map of this.#maps) yield* map;
  }
}

/** By the end, where texts of one kind differ. */
function mapOf(text: string): number {
  let hash = 0;
  for (let i = Math.max(0, text.length - 6); i < text.length; i++) hash = (31 * hash + text.charCodeAt(i)) % MAPS;
  return hash;
}
