/** Between which event times points lie that were given up, as ledgers of forwarding tell it. */
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { ANY_TIME, type TimeSpan } from "../model/time-span.ts";
import { timestampOfUs, usOfTimestamp } from "./timestamp.ts";

type Time = ReturnType<typeof timestampOfUs>;

/** Undefined twice where there are none, or nobody knows. */
export function droppedTimestamps({ fromUs, toUs }: TimeSpan): readonly [Time, Time] | readonly [undefined, undefined] {
  const isKnown = fromUs <= toUs && (fromUs > ANY_TIME.fromUs || toUs < ANY_TIME.toUs);
  return isKnown ? [timestampOfUs(fromUs), timestampOfUs(toUs)] : [undefined, undefined];
}

/** Of points that there are: where one is missing, any time. Undefined: these are none between which points could be. */
export function droppedSpan(first: Timestamp | undefined, last: Timestamp | undefined): TimeSpan | undefined {
  if (first === undefined || last === undefined) return ANY_TIME;
  const [fromUs, toUs] = [usOfTimestamp(first), usOfTimestamp(last)];
  return fromUs >= ANY_TIME.fromUs && fromUs <= toUs && toUs <= ANY_TIME.toUs ? { fromUs, toUs } : undefined;
}
