/** What came after a time, out of the log. */
import type { Frame } from "../model/frame.ts";
import { frameOfRecord } from "./record.ts";
import { replayRecords } from "./replay.ts";

/** Of log segments that are replayed; what is damaged in them is told by the store. */
export function* framesAfter(segments: readonly string[], arrivalMs: number): Generator<Frame, void> {
  for (const segment of segments) {
    for (const record of replayRecords(segment, () => {})) {
      const frame = frameOfRecord(record);
      if (frame.arrivalMs > arrivalMs) yield frame;
    }
  }
}
