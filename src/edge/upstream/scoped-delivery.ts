/** What those are told of forwarding who see some of the sources. Pure. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { GetDeliveryResponseSchema, SourceDeliverySchema } from "../../wire/gen/forwarding_pb.ts";

type Delivery = MessageInitShape<typeof GetDeliveryResponseSchema>;
type Source = MessageInitShape<typeof SourceDeliverySchema>;

/**
 * The sources that are seen, and the nodes that these go to and come from; without what is of all of such a node, such as settings,
 * rates and errors.
 */
export function deliveryInScope(
  { upstreams = [], origins = [] }: Delivery,
  sees: (source: string) => boolean,
): Delivery {
  const seen = (sources: readonly Source[] = []) => sources.filter(({ source = "" }) => sees(source));
  return {
    upstreams: upstreams
      .map(({ name, address, state, stateSince, sources }) => ({
        ...{ name, address, state, stateSince, sources: seen(sources) },
        queuedPoints: seen(sources).reduce((sum, { queuedPoints = 0n }) => sum + queuedPoints, 0n),
      }))
      .filter(({ sources }) => sources.length > 0),
    origins: origins
      .map(({ originId, originName, lanes, lastSeen, sources }) => ({
        ...{ originId, originName, lanes, lastSeen, sources: seen(sources) },
      }))
      .filter(({ sources }) => sources.length > 0),
  } as Delivery;
}
