/** What retention took, in the log. What an upstream will not get of it is told by who forwards. */
import type { Logger } from "../model/logger.ts";
import type { Dropped } from "./protocol.ts";

export function tellDropped({ tier, file, reason, points, bytes, fromUs, toUs }: Dropped, logger: Logger): void {
  const iso = (timeUs: number) => (Number.isFinite(timeUs) ? new Date(timeUs / 1_000).toISOString() : "nothing");
  const told = { dropped: { tier, file, reason, points, bytes, from: iso(fromUs), to: iso(toUs) } };
  if (reason === "age") return logger.info(told, `${points} points were dropped: older than their age limit`);
  const why = reason === "budget" ? "retention.disk_budget is used up" : "less than retention.free_floor is free";
  logger.warn(told, `the oldest ${points} points were dropped: ${why}`);
}
