/** What another node has of the shared journal, for one that is new or far behind. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Clock } from "../../model/clock.ts";
import { messageOf, WatchpostError } from "../../model/errors.ts";
import {
  type NodeRecord,
  Nodes,
  ReadSharedStateRequestSchema,
  type SharedStatePage,
  SharedStatePageSchema,
} from "../../wire/gen/nodes_pb.ts";
import type { Peers } from "../peers/peers.ts";

export interface MembersDeps {
  readonly nodeId: string;
  readonly clock: Clock;
  members(): readonly NodeRecord[];
  readonly peers: Pick<Peers, "serverStreaming">;
}

/** Without a page for so long another member is asked. */
const PAGE_WAIT_MS = 10_000;

/**
 * Of the members that have it the one that has most, or whoever answers first after it. Rejects with UNAVAILABLE where nobody does,
 * and where one ends in the middle.
 */
export async function* readFromMembers(
  { nodeId, clock, members, peers }: MembersDeps,
  afterPosition: number,
  signal: AbortSignal,
): AsyncGenerator<SharedStatePage> {
  const others = members().filter((member) => member.nodeId !== nodeId && member.journalEpoch > 0n);
  others.sort((one, other) => Number(other.journalPosition - one.journalPosition));
  const request = create(ReadSharedStateRequestSchema, { afterPosition: BigInt(afterPosition) });
  const bytes = toBinary(ReadSharedStateRequestSchema, request);
  const failures: string[] = [];
  for (const member of others) {
    const ended = new AbortController();
    const call = { signal: AbortSignal.any([signal, ended.signal]) };
    const pages = peers.serverStreaming(member.address, Nodes.method.readSharedState, bytes, call);
    let isBegun = false;
    try {
      for (;;) {
        const next = await inTime(pages.next(), clock);
        if (next.done === true) return;
        isBegun = true;
        yield fromBinary(SharedStatePageSchema, next.value);
      }
    } catch (error) {
      failures.push(`${member.name}: ${messageOf(error)}`);
      if (isBegun || signal.aborted) break;
    } finally {
      ended.abort();
    }
  }
  const why = others.length === 0 ? "no other node that has it lives" : failures.join("; ");
  throw new WatchpostError("UNAVAILABLE", `the shared journal cannot be read from another node: ${why}`);
}

function inTime<T>(promise: Promise<T>, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new WatchpostError("UNAVAILABLE", `it told nothing for ${PAGE_WAIT_MS} ms`));
    const cancel = clock.after(PAGE_WAIT_MS, late);
    promise.then(resolve, reject).finally(cancel);
  });
}
