import { invalidField, WatchpostError } from "../../model/errors.ts";
import type { Forwarded } from "../../wire/gen/forwarding_pb.ts";
import type { Hello } from "./origins.ts";

const LANES = ["live", "backlog"];
const ID = /^[A-Za-z0-9-]{1,64}$/;
const NAME_LENGTH_MAX = 256;
/** Ids of nodes that a node may name, and that this one may get points from, over others, too. */
export const BEHIND_MAX = 100_000;

/**
 * What the first message of a stream says. Throws INVALID_ARGUMENT where it does not, and FAILED_PRECONDITION where points
 * would go round for ever.
 */
export function helloOf(first: Forwarded, nodeId: string): Hello {
  const { originId, originName, lane, behind, runs } = first;
  if (first.sequences !== undefined) {
    throw new WatchpostError("INVALID_ARGUMENT", "the first message has sequences; wanted it to say who sends");
  }
  if (!ID.test(originId)) throw invalidField("origin_id", originId, "1 to 64 letters, digits and '-'");
  if (originName.length > NAME_LENGTH_MAX) {
    throw invalidField("origin_name", originName, `at most ${NAME_LENGTH_MAX} characters`);
  }
  if (!LANES.includes(lane)) throw invalidField("lane", lane, LANES.map((name) => `"${name}"`).join(" or "));
  for (const { id } of runs) if (!ID.test(id)) throw invalidField("runs", id, "1 to 64 letters, digits and '-'");
  for (const id of behind) if (!ID.test(id)) throw invalidField("behind", id, "1 to 64 letters, digits and '-'");
  if (originId === nodeId || behind.includes(nodeId)) {
    const name = JSON.stringify(originName);
    const message =
      originId === nodeId
        ? `node ${name} forwards to itself: its points would go round for ever`
        : `node ${name} (${originId}) forwards to node ${nodeId}, from which it gets points, itself or over others: they would ` +
          `go round for ever; where it gets them no more, say on node ${name}: watchpost upstream forget ${nodeId}`;
    throw new WatchpostError("FAILED_PRECONDITION", message);
  }
  return {
    ...{ originId, originName, lane, behind },
    runs: runs.map(({ id, firstSequence }) => ({ id, firstSeq: Number(firstSequence) })),
    session: sessionOf("session", first.session),
    sinceSession: sessionOf("since_session", first.sinceSession),
  };
}

function sessionOf(field: string, value: bigint): number {
  if (value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw invalidField(field, value, "a whole number from 0");
}
