/** What became of the points of some sources on their way to, and from, other nodes. Pure. */
import type { GetDeliveryResponse, SourceDelivery } from "../../wire/gen/forwarding_pb.ts";

export interface Delivery {
  /** Such as "to hub" or "from gw-7". */
  readonly way: string;
  /** "connected", "waiting", … */
  readonly state: string;
  readonly acked: number;
  readonly queued: number;
  readonly lost: number;
  readonly refused: number;
}

export function deliveriesOf({ upstreams, origins }: GetDeliveryResponse, sources: readonly string[]): Delivery[] {
  const to = upstreams.map(({ name, address, state, sources: all }) =>
    deliveryOf(`to ${name || address}`, state, all, sources),
  );
  const from = origins.map(({ originName, originId, lanes, sources: all }) =>
    deliveryOf(`from ${originName || originId}`, lanes.length > 0 ? "connected" : "away", all, sources),
  );
  return [...to, ...from].filter((each) => each !== undefined);
}

function deliveryOf(
  way: string,
  state: string,
  all: readonly SourceDelivery[],
  sources: readonly string[],
): Delivery | undefined {
  const those = all.filter(({ source }) => sources.includes(source));
  if (those.length === 0) return undefined;
  const sum = (of: (each: SourceDelivery) => bigint) => those.reduce((total, each) => total + Number(of(each)), 0);
  return {
    ...{ way, state },
    acked: sum(({ ackedPoints }) => ackedPoints),
    queued: sum(({ queuedPoints }) => queuedPoints),
    lost: sum(({ droppedPoints }) => droppedPoints),
    refused: sum(({ refusedPoints }) => refusedPoints),
  };
}
