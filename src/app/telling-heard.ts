/** This node tells the desk, while that is on another one, which devices it hears: over a stream that is opened again where it ends. */
import { create, toBinary } from "@bufbuild/protobuf";
import type { Bus } from "../bus/bus.ts";
import type { Peers } from "../cluster/peers/peers.ts";
import type { HeardDigest, HeardInit } from "../devices/heard-digest.ts";
import type { Clock } from "../model/clock.ts";
import { messageOf } from "../model/errors.ts";
import { pause } from "../model/pause.ts";
import { HeardDevicesSchema } from "../wire/gen/heard_pb.ts";
import { Nodes } from "../wire/gen/nodes_pb.ts";

export interface TellingHeardDeps {
  readonly nodeId: string;
  readonly digest: HeardDigest;
  /** Of what this node commits. */
  readonly bus: Pick<Bus, "subscribe">;
  readonly peers: Pick<Peers, "bidi">;
  readonly clock: Clock;
  /** Where the desk is, if it takes what is told; undefined: it does not, it is here, or nobody knows. */
  elsewhere(): { readonly address: string; readonly until: AbortSignal } | undefined;
  /** Aborted when this node stops. */
  readonly stopping: AbortSignal;
  onTrouble(sentence: string): void;
}

const TELL_EVERY_MS = 500;

/** Runs until `stopping` is aborted. */
export async function tellHeard(deps: TellingHeardDeps): Promise<void> {
  const { digest, bus, stopping, clock, elsewhere, onTrouble } = deps;
  const unsubscribe = bus.subscribe((frame) => digest.apply(frame));
  while (!stopping.aborted) {
    const desk = elsewhere();
    if (desk === undefined) digest.gather();
    else {
      const signal = AbortSignal.any([desk.until, stopping]);
      await tellTo(desk.address, signal, deps).catch((error: unknown) => {
        if (!signal.aborted) onTrouble(`the desk is not told which devices are heard here: ${messageOf(error)}`);
      });
    }
    await pause(TELL_EVERY_MS, clock, stopping);
  }
  unsubscribe();
}

async function tellTo(address: string, signal: AbortSignal, deps: TellingHeardDeps): Promise<void> {
  for await (const _ of deps.peers.bidi(address, Nodes.method.tellHeard, messagesOf(signal, deps), { signal }));
}

/** The next one is made when the one before was taken: what comes meanwhile waits as one line a device. */
async function* messagesOf(
  signal: AbortSignal,
  { nodeId, digest, clock }: TellingHeardDeps,
): AsyncGenerator<Uint8Array, void> {
  const bytesOf = (message: HeardInit) => toBinary(HeardDevicesSchema, create(HeardDevicesSchema, message));
  digest.begin();
  yield bytesOf({ nodeId });
  while (!signal.aborted) {
    yield bytesOf(digest.next(clock.monotonicMs()));
    await pause(digest.isBehind ? 0 : TELL_EVERY_MS, clock, signal);
  }
}
