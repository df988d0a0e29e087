/** From when to when a silence lasts, as it is typed. Pure. */
import { msOfLocalText } from "../../../data/local-time.ts";
import { durationOf } from "../../../data/typed-duration.ts";

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
