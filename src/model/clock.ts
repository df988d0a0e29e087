/** Time as an argument: the real one is made in app.ts, tests bring their own. */
export interface Clock {
  /** Wall clock, Unix milliseconds. May jump. */
  nowMs(): number;
  /** Never goes back; for measuring durations and silence. Milliseconds from an arbitrary origin. */
  monotonicMs(): number;
  /** Runs once after a delay, never before it has passed, unless the returned function is called first. Does not keep the process alive. */
  after(delayMs: number, run: () => void): () => void;
}
