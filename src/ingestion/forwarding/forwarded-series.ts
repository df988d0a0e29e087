/** The series of one stream of a node that forwards: its ids to those of this node. */
import { WatchpostError } from "../../model/errors.ts";
import type { ForwardedSeries } from "../../wire/gen/forwarding_pb.ts";
import type { SeriesResolver } from "../../wire/decoded-batch.ts";

interface Named {
  readonly metric: string;
  readonly source: string;
  readonly tags: readonly (readonly [string, string])[];
  /** 0: not looked for yet. */
  id: number;
  reason: string;
}

const SERIES_MAX = 1_000_000;

export class ForwardedSeriesTable {
  readonly #resolve: SeriesResolver;
  readonly #isKnown: (id: number) => boolean;
  readonly #byForeignId = new Map<number, Named>();

  /** `isKnown`: whether a series is still there; it may have been deleted since. */
  constructor(resolve: SeriesResolver, isKnown: (id: number) => boolean) {
    this.#resolve = resolve;
    this.#isKnown = isKnown;
  }

  name(series: readonly ForwardedSeries[]): void {
    for (const { id, metricName, source, tags } of series) {
      if (this.#byForeignId.size >= SERIES_MAX) {
        const message = `the stream names more than ${SERIES_MAX} series; connect again to go on with others`;
        throw new WatchpostError("RESOURCE_EXHAUSTED", message);
      }
      this.#byForeignId.set(id, { metric: metricName, source, tags: Object.entries(tags), id: 0, reason: "" });
    }
  }

  /** Makes the series known here where it is not. Throws INVALID_ARGUMENT for one that was not named. */
  find(foreignId: number): { readonly id: number; readonly source: string; readonly reason: string } {
    const named = this.#byForeignId.get(foreignId);
    if (named === undefined) {
      throw new WatchpostError("INVALID_ARGUMENT", `series ${foreignId} is in a block and was not named in the stream`);
    }
    if (named.id !== 0 && this.#isKnown(named.id)) return named;
    const found = this.#resolve(named.metric, named.source, named.tags);
    [named.id, named.reason] = typeof found === "number" ? [found, ""] : [0, found];
    return named;
  }
}
