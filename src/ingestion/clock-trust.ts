/** Gateways have no battery clock: after a start the wall clock may be far behind what is stored. */
import type { Clock } from "../model/clock.ts";

/** Whether the wall clock has reached the newest arrival that was stored before this start. */
export function watchClock(clock: Clock, newestArrivalMs: number, onChange: (trusted: boolean) => void): () => boolean {
  let trusted = clock.nowMs() >= newestArrivalMs;
  if (!trusted) onChange(false);
  return () => {
    if (trusted) return true;
    trusted = clock.nowMs() >= newestArrivalMs;
    if (trusted) onChange(true);
    return trusted;
  };
}
