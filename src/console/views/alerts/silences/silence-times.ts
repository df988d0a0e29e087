/** From when to when a silence lasts, as it is typed. Pure. */
import { parseDurationMs } from "../../../../model/duration.ts";
import { msOfLocalText } from "../../../data/local-time.ts";

/** Times as they are typed. */
export interface SilenceTimes {
  /** Local; "": now. */
  readonly from: string;
  /** A duration; "": it ends at `until`. */
  readonly lasts: string;
  /** Local. */
  readonly until: string;
}

/** Undefined: what is typed is no time, or not after the beginning and now. */
export function endOf({ from, lasts, until }: SilenceTimes, nowMs: number): number | undefined {
  const startsMs = Math.max(nowMs, msOfLocalText(from) ?? nowMs);
  const lastsMs = durationOf(lasts);
  const endsMs = lasts === "" ? msOfLocalText(until) : lastsMs === undefined ? undefined : startsMs + lastsMs;
  return endsMs !== undefined && endsMs > startsMs ? endsMs : undefined;
}

/** Undefined: it is none, or no time at all. */
export function durationOf(text: string): number | undefined {
  try {
    return parseDurationMs(text) || undefined;
  } catch {
    return undefined;
  }
}
