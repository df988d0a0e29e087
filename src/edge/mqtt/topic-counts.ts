/** What came on one topic pattern since the server started. */
export class TopicCounts {
  messages = 0;
  /** Points that are stored. */
  points = 0;
  /** Points that may not be stored. */
  refused = 0;
  /** Messages that gave nothing, though they should have. */
  malformed = 0;
  /** Parts of messages, or all of one, that are no points and need not be, by reason. */
  readonly leftOut = new Map<string, number>();
  /** Unix milliseconds; 0: none came. */
  lastMessageMs = 0;
  lastError = "";
  lastErrorMs = 0;

  failed(error: string, nowMs: number): void {
    this.lastError = error;
    this.lastErrorMs = nowMs;
  }

  leaveOut(reasons: ReadonlyMap<string, number>): void {
    for (const [reason, count] of reasons) this.leftOut.set(reason, (this.leftOut.get(reason) ?? 0) + count);
  }
}
