/** Whoever sends points and may send some of them only: judged once for each series, as far as its names are known. */
import { scopeText } from "../model/access.ts";
import { truncated } from "../model/errors.ts";
import { parseSeriesKey } from "../model/series-key.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { SaidPlace, SeesSeries, SeriesScopes } from "../model/series-scopes.ts";
import type { SeriesResolver } from "../wire/decoded-batch.ts";
import type { Principal } from "../wire/service.ts";

type Tags = Parameters<SeriesResolver>[2];

export interface LimitedSender {
  /** As for others, but what is out of its scope makes no series known: why stands in {@link isRefusal}'s words. */
  readonly resolve: SeriesResolver;
  /** Whether it may send points of a series. */
  readonly sees: SeesSeries;
  /** Why it may not. */
  refusalOf(seriesId: number): string;
  /** Whether that is why, and no name is wrong. */
  isRefusal(reason: string): boolean;
  /** Whether it may send points from there. */
  takes(place: SaidPlace): boolean;
}

/** undefined: it may send all there are. */
export type SenderOf = (principal: Pick<Principal, "name" | "scope">) => LimitedSender | undefined;

export interface SenderDeps {
  readonly resolve: SeriesResolver;
  readonly registry: Pick<SeriesRegistry, "keyOf">;
  readonly scopes: Pick<SeriesScopes, "seesSeries" | "takes">;
}

const SHOWN_MAX = 64;
const SCOPE_SHOWN_MAX = 200;

export function limitedSenders({ resolve, registry, scopes }: SenderDeps): SenderOf {
  return ({ name, scope }) => {
    if (scope.isEverything) return undefined;
    const wanted = `wanted ${truncated(scopeText(scope), SCOPE_SHOWN_MAX)}`;
    const limit = `which is out of the scope of ${quoted(name)}; ${wanted}`;
    const refusal = (source: string, tags: Tags) => {
      const device = lastOf(tags, "device");
      // Not its site: that one is registered with another is for those who see it.
      return `${device === undefined ? "" : `device is ${quoted(device)} and `}source is ${quoted(source)}, ${limit}`;
    };
    const takes = (place: SaidPlace) => scopes.takes(scope, place);
    return {
      resolve: (metric, source, tags, refusalOfNew) =>
        takes(saidPlace(source, tags)) ? resolve(metric, source, tags, refusalOfNew) : refusal(source, tags),
      sees: scopes.seesSeries(scope),
      refusalOf(seriesId) {
        const { source, tags } = parseSeriesKey(registry.keyOf(seriesId));
        return refusal(source, tags);
      },
      isRefusal: (reason) => reason.endsWith(limit),
      takes,
    };
  };
}

/** Where points say that they are from. */
export function saidPlace(source: string, tags: Tags): SaidPlace {
  return { source, device: lastOf(tags, "device"), site: lastOf(tags, "site") };
}

function lastOf(tags: Tags, wanted: string): string | undefined {
  return tags.findLast(([key]) => key === wanted)?.[1];
}

function quoted(text: string): string {
  return JSON.stringify(truncated(text, SHOWN_MAX));
}
