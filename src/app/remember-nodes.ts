/** What this node would have to know of the others if it were started while Redis is away, kept on its disk as it changes. */
import type { Members } from "../cluster/members.ts";
import { nodesFileText, readNodesFile, writeNodesFile, type LastKnown } from "../cluster/nodes-file.ts";
import type { NodeKey } from "../cluster/node-key.ts";
import type { Redis } from "../cluster/redis/redis.ts";
import type { Clock } from "../model/clock.ts";
import { messageOf } from "../model/errors.ts";
import type { NodeRecord } from "../wire/gen/nodes_pb.ts";

export interface RememberDeps {
  /** The data directory. */
  readonly dir: string;
  readonly prefix: string;
  readonly redis: Pick<Redis, "isUp">;
  readonly clock: Clock;
  readonly key: Pick<NodeKey, "bytes">;
  readonly members: Pick<Members, "follow" | "isTold">;
  others(): readonly NodeRecord[];
  onTrouble(sentence: string): void;
}

/** One that is started again is not there for a moment; after an outage of Redis all seem to be gone until each was seen again. */
const SETTLED_MS = 5_000;

/** Undefined: nothing is known, or what was is damaged. */
export function rememberedNodes(
  dir: string,
  prefix: string,
  onTrouble: RememberDeps["onTrouble"],
): LastKnown | undefined {
  try {
    return readNodesFile(dir, prefix);
  } catch (error) {
    onTrouble(`who the other nodes were cannot be read: ${messageOf(error)}`);
    return undefined;
  }
}

/** Nothing is written while Redis is away. Returns what ends it. */
export function rememberNodes(deps: RememberDeps): () => void {
  const { dir, prefix, redis, clock, key, members, others, onTrouble } = deps;
  let written = "";
  let cancel: (() => void) | undefined;
  const textNow = () => {
    const isKnown = redis.isUp && members.isTold && key.bytes !== undefined;
    return isKnown ? nodesFileText(prefix, { key: key.bytes, nodes: others() }) : written;
  };
  const write = async () => {
    cancel = undefined;
    const text = textNow();
    if (text === written) return;
    const before = written;
    written = text;
    try {
      await writeNodesFile(dir, text);
    } catch (error) {
      written = before;
      onTrouble(`who the other nodes are cannot be written down: ${messageOf(error)}`);
    }
  };
  const look = () => {
    if (cancel === undefined && textNow() !== written) cancel = clock.after(SETTLED_MS, () => void write());
  };
  const unfollow = members.follow(look);
  look();
  return () => {
    unfollow();
    cancel?.();
  };
}
