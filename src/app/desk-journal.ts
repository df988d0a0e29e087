/** What a desk among several nodes writes to: the shared journal, and for alerts one that goes on while Redis is away. */
import { DELIVERY_EVENT } from "../alerts/notice-events.ts";
import type { Fence } from "../cluster/desk-lease.ts";
import type { Redis } from "../cluster/redis/redis.ts";
import { readDeskRecord } from "../cluster/shared/desk-record.ts";
import { letGoOfHeld } from "../cluster/shared/held-pieces.ts";
import { HoldingJournal } from "../cluster/shared/holding-journal.ts";
import type { SharedJournal } from "../cluster/shared/shared-journal.ts";
import type { Journal } from "../log/journal.ts";
import type { Clock } from "../model/clock.ts";
import { messageOf } from "../model/errors.ts";
import type { JournalEvent } from "../model/journal.ts";
import type { Logger } from "../model/logger.ts";

export interface DeskJournalDeps {
  readonly nodeId: string;
  readonly shared: Pick<SharedJournal, "journal" | "trouble">;
  /** This node's own over the shared journal, without a fence. */
  readonly journal: Journal;
  /** Of this node alone. */
  readonly own: Journal;
  readonly redis: Redis;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Another node has been the desk while this one was it. */
  onOvertaken(): void;
}

export interface DeskJournal {
  /** Id of the node that was the desk last, as far as this one's disk tells; undefined: none. */
  before(): Promise<string | undefined>;
  /** `isAway`: nothing can be written yet. `stack` closes both. */
  open(
    fence: Fence,
    isAway: boolean,
    stack: AsyncDisposableStack,
  ): Promise<{ readonly journal: Journal; readonly lasting: HoldingJournal }>;
  /** Another node is the desk: what this one could not write before goes, once. */
  isElsewhere(): void;
}

const isTold = ({ kind }: JournalEvent) => kind === DELIVERY_EVENT;

export function deskJournal(deps: DeskJournalDeps): DeskJournal {
  const { nodeId, shared, journal, own, redis, clock, logger, onOvertaken } = deps;
  let isLetGo = false;
  let lettingGo = Promise.resolve();
  const letGo = async () => {
    try {
      const told = await letGoOfHeld(nodeId, own, journal, isTold);
      isLetGo = told !== undefined;
      if (told !== undefined && told > 0)
        logger.info({ told }, "what this node told people while another one was the desk is in the journal");
    } catch (error) {
      isLetGo = false;
      logger.warn({ err: error }, `what this node wrote as the desk cannot be cleared away yet: ${messageOf(error)}`);
    }
  };
  return {
    before: async () => (await readDeskRecord(journal).catch(() => undefined))?.nodeId,
    async open(fence, isAway, stack) {
      await lettingGo;
      isLetGo = false;
      const journalOfDesk = shared.journal(fence);
      stack.defer(() => journalOfDesk.close());
      const lasting = await HoldingJournal.open(
        {
          ...{ shared: journalOfDesk, own, nodeId, redis, clock, isTold, onOvertaken },
          trouble: () => shared.trouble,
          onTrouble: (sentence) => logger.error({ trouble: sentence }, "the journal of the desk has trouble"),
          onNews: (sentence) => logger.info({ news: sentence }, "the journal of the desk"),
        },
        isAway,
      );
      stack.defer(() => lasting.close());
      return { journal: journalOfDesk, lasting };
    },
    isElsewhere() {
      if (isLetGo || shared.trouble !== "") return;
      isLetGo = true;
      lettingGo = lettingGo.then(letGo);
    },
  };
}
