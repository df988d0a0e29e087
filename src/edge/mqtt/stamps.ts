import type { Clock } from "../../model/clock.ts";

/** How far stamps may run ahead of the wall clock before it is taken to have been set back. */
const AHEAD_US_MAX = 1_000_000;

/** Times of arrival in microseconds, each later than the one before: what is tried again keeps its own. */
export function arrivalStamps(clock: Clock): () => number {
  let lastUs = 0;
  return () => {
    const nowUs = Math.floor(clock.nowMs() * 1_000);
    return (lastUs = nowUs > lastUs || lastUs - nowUs > AHEAD_US_MAX ? nowUs : lastUs + 1);
  };
}
