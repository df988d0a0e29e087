/**
 * Times at which a rule notifies. What counts is what a clock on the wall shows in the time zone: an hour that is skipped
 * in spring is no part of any day, one that comes twice in autumn is in a time both times.
 */
import type { ActiveTime } from "./rule.ts";

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;
/** Times repeat every week, but for what a change of the clocks takes out of one. */
const HORIZON_MS = 16 * DAY_MINUTES * MINUTE_MS;

/** Whether a rule with these times notifies: in any of them, or always where there are none. */
export function isActiveAt(activeTimes: readonly ActiveTime[], nowMs: number): boolean {
  return activeTimes.length === 0 || activeTimes.some((time) => isIn(time, nowMs));
}

/**
 * The first time after `nowMs` at which {@link isActiveAt} answers otherwise, Unix milliseconds. Infinity where it never
 * does; where it will not within two weeks of being inactive, a time to ask again.
 */
export function nextChangeMs(activeTimes: readonly ActiveTime[], nowMs: number): number {
  if (activeTimes.length === 0) return Infinity;
  const isActive = isActiveAt(activeTimes, nowMs);
  const horizonMs = nowMs + HORIZON_MS;
  let atMs = nowMs;
  while (atMs < horizonMs) {
    atMs = Math.min(...activeTimes.map((time) => nextEdgeMs(time, atMs)));
    if (isActiveAt(activeTimes, atMs) !== isActive) return atMs;
  }
  return isActive ? Infinity : horizonMs;
}

function isIn({ days, fromMinute, toMinute, timeZone }: ActiveTime, nowMs: number): boolean {
  const { dayOfWeek, hour, minute } = wallClock(nowMs, timeZone);
  const now = hour * 60 + minute;
  const today = dayOfWeek % 7;
  if (toMinute > fromMinute) return now >= fromMinute && now < toMinute && days.includes(today);
  return (now >= fromMinute && days.includes(today)) || (now < toMinute && days.includes((today + 6) % 7));
}

/** When the wall clock next shows the beginning or the end, or is set; after `nowMs`. */
function nextEdgeMs({ fromMinute, toMinute, timeZone }: ActiveTime, nowMs: number): number {
  const clock = wallClock(nowMs, timeZone);
  const sinceMidnightMs = (clock.hour * 60 + clock.minute) * MINUTE_MS + clock.second * 1_000 + clock.millisecond;
  const midnightMs = Math.floor(nowMs) - sinceMidnightMs;
  const edges = [fromMinute, toMinute].map((minute) => {
    const todayMs = midnightMs + (minute % DAY_MINUTES) * MINUTE_MS;
    return todayMs > nowMs ? todayMs : todayMs + DAY_MINUTES * MINUTE_MS;
  });
  return Math.min(...edges, clock.getTimeZoneTransition("next")?.epochMilliseconds ?? Infinity);
}

function wallClock(nowMs: number, timeZone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(Math.floor(nowMs)).toZonedDateTimeISO(timeZone);
}
