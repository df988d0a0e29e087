/** What a node answers others of its series: QuerySeries and DeleteNodeSeries. */
import type { SeriesRegistry } from "../../model/series-registry.ts";
import { invalidField } from "../../model/errors.ts";
import { Nodes, QuerySeriesRequestSchema } from "../../wire/gen/nodes_pb.ts";
import { rawServerStreaming, unary, type MethodImpl } from "../../wire/service.ts";
import { ownSeries, type OwnStore } from "./own-series.ts";
import { askOf, partBytes, SERIES_AT_ONCE } from "./series-part.ts";
import type { MessageShape } from "@bufbuild/protobuf";

export interface NodeHistoryDeps {
  readonly store: OwnStore;
  readonly registry: SeriesRegistry;
  /** Deletes series; resolves when that is durable. */
  retire(seriesIds: Uint32Array): Promise<void>;
}

export function nodeHistoryMethods({ store, registry, retire }: NodeHistoryDeps): MethodImpl[] {
  return [
    rawServerStreaming(Nodes.method.querySeries, (request, { signal }) => parts(request, { store, registry }, signal)),
    unary(Nodes.method.deleteNodeSeries, async ({ keys }) => {
      if (keys.length > SERIES_AT_ONCE) throw invalidField("keys", keys.length, `at most ${SERIES_AT_ONCE} of them`);
      const ids = keys.flatMap((key) => registry.idOf(key) ?? []);
      if (ids.length > 0) await retire(Uint32Array.from(ids).sort());
      return { series: BigInt(ids.length) };
    }),
  ];
}

async function* parts(
  request: MessageShape<typeof QuerySeriesRequestSchema>,
  { store, registry }: Pick<NodeHistoryDeps, "store" | "registry">,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const ask = askOf(request);
  const ids = request.keys.map((key) => registry.idOf(key) ?? 0);
  for await (const part of ownSeries(store, ids, ask, signal)) yield* partBytes(part);
}
