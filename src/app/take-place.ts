/** A node that is restored from a backup takes the place of the one that was backed up: there is no such node any more. */
import type { Live } from "../cluster/live/open-live.ts";
import type { NodeRegister } from "../cluster/node-register.ts";
import type { Journal } from "../log/journal.ts";
import { formerNodeIdOf } from "../log/node-id.ts";
import type { Clock } from "../model/clock.ts";
import { messageOf } from "../model/errors.ts";
import type { Logger } from "../model/logger.ts";
import type { OpenMembers } from "./open-members.ts";

export interface PlaceDeps {
  readonly nodes: OpenMembers;
  readonly register: Pick<NodeRegister, "forget">;
  readonly live: Pick<Live, "forget">;
  /** Whether Redis has points of a node still: those that were not backed up. Fails as Redis does. */
  hasRecent(nodeId: string): Promise<boolean>;
  /** Of this node alone. */
  readonly own: Journal;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** At first it counts as one that lives, and then Redis may have its points for hours. */
const [LOOK_MS_MIN, LOOK_MS_MAX] = [3_000, 60_000];

/**
 * Once Redis is there and has nothing any more of what that node took and was not backed up; never where that one lives: then this one is
 * a copy. Returns what ends it.
 */
export async function takePlace(deps: PlaceDeps): Promise<() => void> {
  const { nodes, register, live, hasRecent, own, clock, logger } = deps;
  const { redis, members } = nodes;
  const former = await formerNodeIdOf(own);
  if (former === undefined) return () => {};
  let isOver = false;
  let lookMs = LOOK_MS_MIN;
  let cancel = () => {};
  const take = async () => {
    const known = members.known.find(({ record }) => record.nodeId === former);
    try {
      if (redis.isUp && known?.isLive === false && !(await hasRecent(former))) {
        await live.forget(former);
        await register.forget([former]);
        logger.info({ former }, "this node has taken the place of the one whose backup it is");
      }
    } catch (error) {
      if (redis.isUp) logger.warn({ err: error }, `the node that was backed up is not forgotten: ${messageOf(error)}`);
    }
    if (isOver) return;
    cancel = clock.after(lookMs, () => void take());
    lookMs = Math.min(lookMs * 2, LOOK_MS_MAX);
  };
  void take();
  return () => {
    isOver = true;
    cancel();
  };
}
