/** Durations as people type them, and as addresses have them. Pure. */
import { parseDurationMs } from "../../model/duration.ts";

/** Milliseconds of "90s" or "1h30m"; undefined: it is none, or no time at all. */
export function durationOf(text: string): number | undefined {
  try {
    return parseDurationMs(text) || undefined;
  } catch {
    return undefined;
  }
}
