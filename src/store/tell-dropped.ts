/** What retention took, in the log. */
import type { Logger } from "../model/logger.ts";
import type { Dropped } from "./protocol.ts";

export function tellDropped({ fromUs, toUs, undelivered, ...dropped }: Dropped, logger: Logger): void {
  const { reason, points } = dropped;
  const iso = (timeUs: number) => (Number.isFinite(timeUs) ? new Date(timeUs / 1_000).toISOString() : "nothing");
  const told = { dropped: { ...dropped, from: iso(fromUs), to: iso(toUs), undelivered: undelivered.points } };
  const lost = undelivered.points > 0 ? `; ${undelivered.points} of them had not been delivered to the upstream` : "";
  const byAge = `${points} points were dropped: older than their age limit${lost}`;
  if (reason === "age") return lost === "" ? logger.info(told, byAge) : logger.warn(told, byAge);
  const why = reason === "budget" ? "retention.disk_budget is used up" : "less than retention.free_floor is free";
  logger.warn(told, `the oldest ${points} points were dropped: ${why}${lost}`);
}
