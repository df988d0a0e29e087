/** Which series were named in a stream: each is named once, before its first points. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { SeriesRegistry } from "../../model/series-registry.ts";
import type { ForwardedSeriesSchema } from "../../wire/gen/forwarding_pb.ts";

type NamedInit = MessageInitShape<typeof ForwardedSeriesSchema>;

const PIECE_CHARACTERS = 1_000_000;

export class NamedSeries {
  readonly #registry: Pick<SeriesRegistry, "identityOf">;
  readonly #named = new Set<number>();

  constructor(registry: Pick<SeriesRegistry, "identityOf">) {
    this.#registry = registry;
  }

  /**
   * Those of them that were not named so far, in pieces of about a megabyte: the names of a part may be more than a message
   * may have. Throws ABORTED where one was deleted too long ago.
   */
  name(seriesIds: Uint32Array): NamedInit[][] {
    const pieces: NamedInit[][] = [[]];
    let characters = 0;
    for (const id of seriesIds) {
      if (this.#named.has(id)) continue;
      const { metric, source, tags } = this.#registry.identityOf(id);
      characters += tags.reduce((sum, [key, value]) => sum + key.length + value.length, metric.length + source.length);
      pieces.at(-1)!.push({ id, metricName: metric, source, tags: Object.fromEntries(tags) });
      this.#named.add(id);
      if (characters < PIECE_CHARACTERS) continue;
      pieces.push([]);
      characters = 0;
    }
    return pieces;
  }
}
