import type { Clock } from "../../model/clock.ts";
import { WatchpostError } from "../../model/errors.ts";

const ANSWER_MS_MAX = 30_000;
const TRY_AGAIN_MS = 10_000;

/** Rejects with UNAVAILABLE after a while: a sender that is told nothing cannot know that the disk here hangs: its connection is alive. */
export function inTime<T>(run: Promise<T>, clock: Clock): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const cancel = clock.after(ANSWER_MS_MAX, () => {
    const message = `what this node has of the ledger could not be read and written within ${ANSWER_MS_MAX / 1_000} s`;
    reject(new WatchpostError("UNAVAILABLE", message, { retryAfterMs: TRY_AGAIN_MS }));
  });
  return Promise.race([run, promise]).finally(cancel);
}
