/** What another node has of the shared journal, for one that is new or far behind. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { WatchpostError } from "../../model/errors.ts";
import {
  Nodes,
  ReadSharedStateRequestSchema,
  SharedStatePageSchema,
  type NodeRecord,
  type SharedStatePage,
} from "../../wire/gen/nodes_pb.ts";
import type { Peers } from "./peers.ts";

/** Of the one that has most; it fails with that one. Rejects with UNAVAILABLE where nobody has more than `afterPosition`. */
export async function* readOthersState(
  others: () => readonly NodeRecord[],
  peers: Pick<Peers, "serverStreaming">,
  afterPosition: number,
  signal: AbortSignal,
): AsyncGenerator<SharedStatePage, void> {
  const [first] = others()
    .filter(({ journalPosition }) => Number(journalPosition) > afterPosition)
    .sort((a, b) => Number(b.journalPosition - a.journalPosition));
  if (first === undefined) throw new WatchpostError("UNAVAILABLE", "no other node is seen that has the shared journal");
  const wanted = create(ReadSharedStateRequestSchema, { afterPosition: BigInt(afterPosition) });
  const request = toBinary(ReadSharedStateRequestSchema, wanted);
  for await (const bytes of peers.serverStreaming(first.address, Nodes.method.readSharedState, request, { signal })) {
    yield fromBinary(SharedStatePageSchema, bytes);
  }
}
