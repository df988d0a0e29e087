/** Nodes that forward here, directly or over others: the upstream is told when a link begins, and could not see a ring that closes later. */
import type { Clock } from "../../model/clock.ts";

const EVERY_MS = 10_000;

/** Calls `onMore` once there are others than those `told`; one question that fails is asked again. Returns what ends it. */
export function watchBehind(
  told: readonly string[],
  behind: () => Promise<readonly string[]>,
  clock: Clock,
  onMore: () => void,
): () => void {
  const known = new Set(told);
  let cancel = () => {};
  let isOver = false;
  const askSoon = () => {
    cancel = clock.after(EVERY_MS, () => {
      behind().then(
        (ids) => {
          if (isOver) return;
          if (ids.every((id) => known.has(id))) askSoon();
          else onMore();
        },
        () => !isOver && askSoon(),
      );
    });
  };
  askSoon();
  return () => {
    isOver = true;
    cancel();
  };
}
