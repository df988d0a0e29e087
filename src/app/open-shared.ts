/** The journal that all nodes share, as this node has it, and what keeps it from growing for ever. */
import type { JournalPlace } from "../cluster/shared/open-replica.ts";
import { readFromMembers } from "../cluster/shared/read-from-members.ts";
import { SharedJournal } from "../cluster/shared/shared-journal.ts";
import type { Config } from "../config/config.ts";
import { forgetOld, trimSlice } from "../log/journal-retention.ts";
import type { Journal } from "../log/journal.ts";
import type { LogClient } from "../log/log-client.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Clock } from "../model/clock.ts";
import type { Logger } from "../model/logger.ts";
import type { SpawnWorker } from "../model/spawn.ts";
import type { OpenMembers } from "./open-members.ts";

export interface OpenSharedDeps {
  readonly nodeId: string;
  readonly nodes: OpenMembers;
  /** Of this node alone. */
  readonly log: LogClient;
  readonly spawn: SpawnWorker;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Ends what waits. */
  readonly signal: AbortSignal;
  /** It is out of a backup and waits for its place among the others. */
  onRestored(place: JournalPlace): void;
  onTrouble(sentence: string): void;
  onCrash(error: Error): void;
}

/** Waits as {@link SharedJournal.open} does. `opening` closes what was opened. */
export async function openShared(
  config: Config,
  { nodeId, nodes, log, spawn, clock, logger, metrics, signal, onRestored, onTrouble, onCrash }: OpenSharedDeps,
  opening: AsyncDisposableStack,
): Promise<{ readonly shared: SharedJournal; readonly journal: Journal }> {
  const { redis, members, peers, others } = nodes;
  const shared = await SharedJournal.open({
    ...{ data: config.data, redis, prefix: config.redis.prefix, nodeId, spawn, clock, own: log, signal },
    members: () => members.live,
    onRestored,
    readSharedState: (afterPosition) =>
      readFromMembers({ nodeId, clock, members: others, peers }, afterPosition, signal),
    onCrash,
    onListenerError: (error) => logger.error({ err: error }, "a follower of the shared journal failed"),
    onDamage: (sentence) => {
      metrics.damaged.inc();
      logger.error({ damage: sentence }, "damaged data: it is not served");
    },
    onTrouble,
    onNews: (sentence) => logger.info({ news: sentence }, "the shared journal"),
  });
  opening.defer(() => shared.close());
  const journal = shared.journal();
  opening.defer(() => journal.close());
  const onGrowth = (sentence: string) => logger.error({ trouble: sentence }, "the shared journal grows");
  opening.defer(
    forgetOld([trimSlice(journal, clock)], { clock, onTrouble: onGrowth, keptMs: config.retention.journal }),
  );
  return { shared, journal };
}
