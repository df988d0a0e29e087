import type { Clock } from "./clock.ts";

/** The machine's clocks: the one impure file of model/. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    // The platform leaves out fractions, and would come up to a millisecond early.
    const timer = setTimeout(run, Math.ceil(delayMs));
    timer.unref();
    return () => clearTimeout(timer);
  },
};
