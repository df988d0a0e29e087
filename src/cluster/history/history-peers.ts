/** The other members, as history asks them: by node id, those that are gone refused at once. */
import { WatchpostError } from "../../model/errors.ts";
import { protocolFault } from "../protocol.ts";
import type { Members } from "../members.ts";
import type { Peers } from "../peers/peers.ts";
import type { HistoryPeers } from "./asked-nodes.ts";

export function historyPeers(
  members: Pick<Members, "live" | "known">,
  peers: Pick<Peers, "unary" | "serverStreaming">,
): HistoryPeers {
  const addressOf = (nodeId: string): string => {
    const record = members.live.find((each) => each.nodeId === nodeId);
    if (record === undefined || record.address === "") throw new WatchpostError("UNAVAILABLE", "it is down");
    const fault = protocolFault(record);
    if (fault !== "") throw new WatchpostError("UNAVAILABLE", fault);
    return record.address;
  };
  return {
    live: () => members.live.map(({ nodeId }) => nodeId),
    call: (nodeId, method, request, call) => peers.serverStreaming(addressOf(nodeId), method, request, call),
    ask: async (nodeId, method, request, call) => peers.unary(addressOf(nodeId), method, request, call),
    nameOf: (nodeId) => members.known.find(({ record }) => record.nodeId === nodeId)?.record.name || nodeId,
  };
}
