/** Which master of a Redis Cluster has which slots, and whether each of them is there. */
import type { Cluster } from "ioredis";
import type { RedisHost } from "./redis-url.ts";
import { orAnew } from "./subscriptions.ts";

export interface ClusterSlots {
  /** undefined: nobody has it. */
  masterOf(slot: number): RedisHost | undefined;
  /** Those that have slots. */
  readonly masters: readonly RedisHost[];
}

interface SlotRange extends RedisHost {
  readonly from: number;
  readonly to: number;
}

const SLOTS = 16_384;

/** As one of its servers sees it. Rejects as the command does, and where a slot is nobody's. */
export async function readSlots(cluster: Cluster): Promise<ClusterSlots> {
  const ranges = (await cluster.cluster("SLOTS")).map(([from, to, master]): SlotRange => {
    const [host, port] = master;
    // It may be null, too.
    if (!host) throw new Error(`the Redis Cluster does not tell where its slots ${from} to ${to} are`);
    return { from, to, host, port };
  });
  const covered = ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  if (covered < SLOTS) throw new Error(`${SLOTS - covered} of ${SLOTS} slots of the Redis Cluster are nobody's`);
  return {
    masterOf: (slot) => ranges.find(({ from, to }) => from <= slot && slot <= to),
    masters: [...new Map(ranges.map((range) => [shardName(range), range])).values()],
  };
}

export function shardName({ host, port }: RedisHost): string {
  return `${host}:${port}`;
}

/** Resolves where all masters answer, and say that they do what they are asked. */
export async function lookAtMasters(cluster: Cluster, { masters }: ClusterSlots): Promise<void> {
  const nodes = new Map(cluster.nodes("master").map((node) => [`${node.options.host}:${node.options.port}`, node]));
  const looks = masters.map(async (master) => {
    const node = nodes.get(shardName(master));
    if (node === undefined) {
      cluster.refreshSlotsCache();
      throw new Error(`the shard ${shardName(master)} is not reached`);
    }
    const info = await orAnew(node, node.cluster("INFO"));
    if (!String(info).includes("cluster_state:ok"))
      throw new Error(`the shard ${shardName(master)} says that the state of the Redis Cluster is not ok`);
  });
  await Promise.all(looks);
}
