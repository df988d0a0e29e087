import type { SavedDashboard } from "../../../wire/gen/saved_dashboards_pb.ts";
import { durationText, msOf } from "../../format.ts";
import { nowMs } from "../../now.ts";

/** "Ada saved revision 7, 2 min ago". */
export function doneBy({ updatedBy, updatedAt }: SavedDashboard, what: string): string {
  const atMs = msOf(updatedAt);
  const when = atMs === undefined ? "" : `, ${durationText(nowMs.value - atMs)} ago`;
  return `${updatedBy || "Somebody"} ${what}${when}`;
}
