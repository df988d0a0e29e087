import { parseTimeUs } from "../client/parse-point.ts";
import { parseDurationMs } from "../model/duration.ts";
import { WatchpostError } from "../model/errors.ts";

/** Unix microseconds of "now", a time before now such as "-1h", ISO 8601 or a number since 1970. */
export function timeUsOf(flag: string, text: string, nowMs: number): number {
  if (text === "now") return nowMs * 1_000;
  try {
    if (text.startsWith("-")) return (nowMs - parseDurationMs(text.slice(1))) * 1_000;
  } catch {
    // Said below, with all that is possible.
  }
  if (/^\d{4}$/.test(text.trim())) {
    const wanted = `wanted ${text.trim()}-01-01 for that year, or ${text.trim()}.0 for seconds since 1970`;
    throw new WatchpostError("INVALID_ARGUMENT", `${flag} is ${JSON.stringify(text)}; ${wanted}`);
  }
  const timeUs = parseTimeUs(text);
  if (timeUs !== undefined) return timeUs;
  const wanted = 'wanted ISO 8601, a number since 1970, "now" or a duration before it such as -1h';
  throw new WatchpostError("INVALID_ARGUMENT", `${flag} is ${JSON.stringify(text)}; ${wanted}`);
}
