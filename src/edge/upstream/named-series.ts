/** Which series were named in a stream: each is named once, before its first points. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { SeriesRegistry } from "../../model/series-registry.ts";
import type { ForwardedSeriesSchema } from "../../wire/gen/forwarding_pb.ts";

export class NamedSeries {
  readonly #registry: Pick<SeriesRegistry, "identityOf">;
  readonly #named = new Set<number>();

  constructor(registry: Pick<SeriesRegistry, "identityOf">) {
    this.#registry = registry;
  }

  /** Those of them that were not named so far. Throws ABORTED where one was deleted too long ago. */
  name(seriesIds: Uint32Array): MessageInitShape<typeof ForwardedSeriesSchema>[] {
    const series: MessageInitShape<typeof ForwardedSeriesSchema>[] = [];
    for (const id of seriesIds) {
      if (this.#named.has(id)) continue;
      const { metric, source, tags } = this.#registry.identityOf(id);
      series.push({ id, metricName: metric, source, tags: Object.fromEntries(tags) });
      this.#named.add(id);
    }
    return series;
  }
}
