/** How far nodes have come in the shared journal, and which of them goes first. Pure. */
import type { NodeRecord } from "../../wire/gen/nodes_pb.ts";

export interface Place {
  readonly nodeId: string;
  readonly position: number;
}

export function placeOf({ nodeId, journalPosition }: Pick<NodeRecord, "nodeId" | "journalPosition">): Place {
  return { nodeId, position: Number(journalPosition) };
}

/** Whether one sets the order rather than another. */
export function isBefore(one: Place, other: Place): boolean {
  if (one.position !== other.position) return one.position > other.position;
  return one.nodeId < other.nodeId;
}
