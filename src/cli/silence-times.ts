/** From when to when a silence lasts, by its flags. */
import type { Command } from "commander";
import { Option } from "commander";
import { parseDurationMs } from "../model/duration.ts";
import { WatchpostError } from "../model/errors.ts";
import { wholeMsArgument } from "./client-flags.ts";
import { timeUsOf } from "./time-argument.ts";

export interface EndFlags {
  for?: number;
  until?: string;
}

/** `what` --for is. */
export function addEndOptions(command: Command, what: string): Command {
  return command
    .addOption(new Option("--for <duration>", what).argParser(wholeMsArgument).conflicts("until"))
    .option("--until <time>", "when it ends: ISO 8601, a number since 1970, or from now such as +2h");
}

/** Unix milliseconds; `fromMs`: what --for counts from. Throws INVALID_ARGUMENT where neither is given. */
export function endOf({ for: lastsMs, until }: EndFlags, fromMs: number, nowMs: number): number {
  if (lastsMs !== undefined) return fromMs + lastsMs;
  if (until !== undefined) return timeMsOf("--until", until, nowMs);
  const message = "nothing says when it ends; wanted --for with a duration such as 2h, or --until with a time";
  throw new WatchpostError("INVALID_ARGUMENT", message);
}

/** Unix milliseconds; beside what {@link timeUsOf} takes, a time after now such as "+2h". */
export function timeMsOf(flag: string, text: string, nowMs: number): number {
  if (/^\+\d/.test(text)) {
    try {
      return nowMs + parseDurationMs(text.slice(1));
    } catch {
      // Said below, with what is possible.
    }
  }
  return timeUsOf(flag, text, nowMs) / 1_000;
}
