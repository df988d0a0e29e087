/** `[limits]`: how much one caller may take. */
import { z } from "zod";
import { integer, parsed } from "./leaves.ts";

const MAX = 1_000_000_000;

/** Infinity where there is none. */
function integerOrNone(min: number, max: number) {
  const number = integer(min, max);
  return parsed(`"none" or a whole number from ${min} to ${max}`, (given) =>
    given === "none" ? Infinity : number.safeParse(given).data,
  );
}

/** "auto": what the system leaves room for. */
function connections() {
  const number = integer(1, MAX);
  return parsed(`"auto" or a whole number from 1 to ${MAX}`, (given): number | "auto" | undefined =>
    given === "auto" ? given : number.safeParse(given).data,
  );
}

/** "auto": a part of all connections. */
function connectionsOfOne() {
  const number = integer(1, MAX);
  return parsed(`"auto", "none" or a whole number from 1 to ${MAX}`, (given): number | "auto" | undefined =>
    given === "auto" ? given : given === "none" ? Infinity : number.safeParse(given).data,
  );
}

export const limitSettings = z.strictObject({
  connections: connections(),
  connections_per_address: connectionsOfOne(),
  pings_per_second: integerOrNone(1, MAX),
  streams: integerOrNone(1, MAX),
  subscriptions: integerOrNone(1, MAX),
  queries: integerOrNone(1, MAX),
  messages_per_second: integerOrNone(1, MAX),
  points_per_second: integerOrNone(1, MAX),
  new_series_per_hour: integerOrNone(1, MAX),
  query_seconds_per_minute: integerOrNone(1, 60),
});

/** What nobody meets who means well: a device, a page, or a program that sends as fast as it can. */
export const LIMIT_DEFAULTS = {
  connections: "auto",
  connections_per_address: "auto",
  pings_per_second: 20,
  streams: 10_000,
  subscriptions: 5_000,
  queries: 1_000,
  messages_per_second: "none",
  points_per_second: "none",
  new_series_per_hour: 1_000_000,
  query_seconds_per_minute: "none",
} as const;
