/** Whether uploads get through, for whoever would take what is not heard for silence. */
import type { Clock } from "../model/clock.ts";

export interface OverloadSigns {
  /** Uploads that were refused for want of room, so far. */
  refused(): number;
  /** How long the first of those has waited that wait for room; 0: none waits. */
  waitedMs(): number;
  /** Nothing can be written at present. */
  isFailing(): boolean;
}

const LOOK_EVERY_MS = 1_000;
/** Waiting for less is how a sender is held back that sends as fast as it can. */
const WAITED_MS_MAX = 1_000;
/** Whoever was refused comes back within this time, waiting longer and longer between two tries. */
const CALM_AFTER_MS = 10_000;

/** `onChange` hears when it begins, within a second, and when nothing has shown it for a while. Returns what ends that. */
export function watchOverload(
  { refused, waitedMs, isFailing }: OverloadSigns,
  clock: Clock,
  onChange: (isOverloaded: boolean) => void,
): () => void {
  let isOverloaded = false;
  let shownAtMs = -Infinity;
  let refusedBefore = refused();
  let cancel = () => {};
  const look = () => {
    cancel = clock.after(LOOK_EVERY_MS, look);
    const [nowMs, refusedNow] = [clock.monotonicMs(), refused()];
    if (refusedNow > refusedBefore || waitedMs() > WAITED_MS_MAX || isFailing()) shownAtMs = nowMs;
    refusedBefore = refusedNow;
    const isShown = nowMs - shownAtMs < CALM_AFTER_MS;
    if (isShown === isOverloaded) return;
    isOverloaded = isShown;
    onChange(isShown);
  };
  cancel = clock.after(LOOK_EVERY_MS, look);
  return () => cancel();
}
