/** DeleteSeries: series and all their points, for ever. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { WatchpostError } from "../model/errors.ts";
import { parseSeriesKey } from "../model/series-key.ts";
import type { DeleteSeriesRequest, DeleteSeriesResponseSchema } from "../wire/gen/store_pb.ts";
import { inOrderOfNames } from "./in-order-of-names.ts";
import type { ListingDeps } from "./listing.ts";
import { requestMatcher } from "./request-matcher.ts";
import { selectSeries } from "./select-series.ts";
import type { Work } from "./sliced-work.ts";

export interface DeletingDeps extends Pick<ListingDeps, "registry" | "sliced" | "sees"> {
  /** Resolves when it is durable that they are gone; of several nodes with what became of it on each. */
  retire(seriesIds: Uint32Array): Promise<RetiredSeries | void>;
}

export interface RetiredSeries {
  /** Those that are gone from all nodes. */
  readonly series: number;
  /** With `error` those that are still there. */
  readonly nodes: readonly { readonly node: string; readonly series: number; readonly error: string }[];
}

const EXAMPLES_MAX = 10;

/**
 * Answers when the deletion is durable; the space returns later. Throws NOT_FOUND where nothing matches,
 * INVALID_ARGUMENT naming the field, UNAVAILABLE when it could not be made durable: nothing is deleted then.
 */
export async function deleteSeries(
  request: DeleteSeriesRequest,
  { registry, sliced, sees, retire }: DeletingDeps,
  signal: AbortSignal,
): Promise<MessageInitShape<typeof DeleteSeriesResponseSchema>> {
  const matcher = requestMatcher(request);

  function* select(): Work<{ ids: Uint32Array; examples: string[] }> {
    const ids = yield* selectSeries(registry, matcher, sees);
    const first = yield* inOrderOfNames(ids, 0, Math.min(EXAMPLES_MAX, ids.length), registry);
    return { ids, examples: first.map((id) => shown(registry.keyOf(id))) };
  }
  const { ids, examples } = await sliced.run(select(), signal);
  // Another deletion may have been faster.
  const found = ids.filter((id) => registry.has(id));
  if (found.length === 0) {
    const message = `no series matches metric ${JSON.stringify(request.metric)} and its filters: nothing was deleted`;
    throw new WatchpostError("NOT_FOUND", message);
  }
  const retired = request.dryRun ? undefined : await retire(found);
  if (retired === undefined) return { series: BigInt(found.length), examples };
  const nodes = retired.nodes.map((each) => ({ ...each, series: BigInt(each.series) }));
  return { series: BigInt(retired.series), examples, nodes };
}

/** metric:source and tags. */
function shown(key: string): string {
  const { metric, source, tags } = parseSeriesKey(key);
  return [`${metric}:${source}`, ...tags.map(([tag, value]) => `${tag}=${value}`)].join(" ");
}
