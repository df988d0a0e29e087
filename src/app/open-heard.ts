/**
 * Who hears devices, among several nodes: each those that send to it. They tell the desk of them, but those of an older protocol, whose
 * points the desk hears itself.
 */
import type { FrameSubscriber } from "../bus/bus.ts";
import type { MemoryBus } from "../bus/memory-bus.ts";
import type { WantedShards } from "../cluster/live/wanted-shards.ts";
import { HEARD_PROTOCOL } from "../cluster/protocol.ts";
import { HeardDigest } from "../devices/heard-digest.ts";
import type { Clock } from "../model/clock.ts";
import { compileMatcher } from "../model/matcher.ts";
import { HeardNodes } from "./heard-nodes.ts";
import type { OpenMembers } from "./open-members.ts";
import type { Storage } from "./open-storage.ts";
import { tellHeard } from "./telling-heard.ts";

export interface HeardDeps {
  readonly nodeId: string;
  readonly storage: Pick<Storage, "registry" | "bus">;
  readonly everywhere: MemoryBus;
  readonly nodes: OpenMembers;
  readonly wanted: WantedShards;
  readonly clock: Clock;
  /** Aborted when this node stops. */
  readonly stopping: AbortSignal;
  onTrouble(sentence: string): void;
}

export interface Heard {
  /** Who tells the desk here. */
  readonly nodes: HeardNodes;
  /** Points of which the desk here hears devices itself. */
  readonly bus: Pick<MemoryBus, "subscribe">;
  /** The desk is opened here: wants the points of older nodes, and ends streams, until it is closed. */
  atDesk(opening: AsyncDisposableStack): void;
  /**
   * Calls `listener`, also at once, with whether silence at the desk here is that of devices: while Redis is away nobody knows whether
   * a node that does not tell has died. Returns what ends it.
   */
  followHearing(listener: (isHearing: boolean) => void): () => void;
  /** Tells the desk that is somewhere else; `holder`: its id. */
  tell(
    holder: () => string,
    elsewhere: () => { readonly address: string; readonly until: AbortSignal } | undefined,
  ): void;
}

const EVERYTHING = compileMatcher(["*"], {});

export function openHeard(deps: HeardDeps): Heard {
  const { nodeId, storage, everywhere, wanted, clock, stopping, onTrouble } = deps;
  const { redis, members, peers, others } = deps.nodes;
  const told = new HeardNodes({ clock, others: () => others().map((record) => record.nodeId) });
  stopping.addEventListener("abort", () => told.close(), { once: true });
  // A node that has never seen Redis does not know who else lives.
  let areOthersKnown = redis.isUp || others().length > 0;
  const unfollow = redis.follow((isUp) => (areOthersKnown ||= isUp));
  stopping.addEventListener("abort", unfollow, { once: true });
  const isWithOlder = () => others().some(({ protocol }) => protocol < HEARD_PROTOCOL);
  const digest = new HeardDigest(storage.registry);
  return {
    nodes: told,
    bus: {
      subscribe(subscriber: FrameSubscriber) {
        return whileThat(
          isWithOlder,
          members,
          () => everywhere.subscribe(subscriber),
          () => storage.bus.subscribe(subscriber),
        );
      },
    },
    atDesk(opening) {
      opening.defer(whileThat(isWithOlder, members, () => wanted.want(EVERYTHING)));
      opening.defer(() => told.end());
    },
    followHearing(listener) {
      const tell = () => listener(redis.isUp || (areOthersKnown && told.hearsAll));
      const ends = [redis.follow(tell), told.follow(tell)];
      tell();
      return () => ends.forEach((end) => end());
    },
    tell(holder, elsewhere) {
      const takesHeard = () => {
        const desk = others().find((record) => record.nodeId === holder());
        return desk !== undefined && desk.protocol >= HEARD_PROTOCOL;
      };
      void tellHeard({
        ...{ nodeId, digest, bus: storage.bus, peers, clock, stopping, onTrouble },
        elsewhere: () => (takesHeard() ? elsewhere() : undefined),
      });
    },
  };
}

/** One of two things goes on, as members are. Returns what ends it. */
function whileThat(
  isSo: () => boolean,
  members: OpenMembers["members"],
  begin: () => () => void,
  otherwise: () => () => void = () => () => {},
): () => void {
  let wasSo = isSo();
  let end = (wasSo ? begin : otherwise)();
  const unfollow = members.follow(() => {
    if (isSo() === wasSo) return;
    wasSo = !wasSo;
    const before = end;
    end = (wasSo ? begin : otherwise)();
    before();
  });
  return () => {
    unfollow();
    end();
  };
}
