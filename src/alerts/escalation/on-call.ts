/**
 * Who is on call. Shifts change when a clock on the wall in the schedule's time zone shows the time of handoff, in summer as
 * in winter: one over a change of the clocks is longer or shorter. A handoff at a time that is skipped comes as much later
 * as the clocks are set forward; one at a time that comes twice comes the first time.
 */
import type { OnCallSchedule } from "./escalation-config.ts";

const HOUR_MS = 3_600_000;

/** A receiver, at every time: before the first handoff as if shifts had always changed like that. */
export function onCallAt(schedule: OnCallSchedule, nowMs: number): string {
  const { participants, overrides } = schedule;
  const override = overrides.findLast(({ fromMs, toMs }) => fromMs <= nowMs && nowMs < toMs);
  if (override !== undefined) return override.receiver;
  const turn = shiftAt(schedule, nowMs) % participants.length;
  return participants[turn < 0 ? turn + participants.length : turn];
}

/** When somebody else may be on call: the next handoff, or where an override begins or ends. */
export function onCallUntilMs(schedule: OnCallSchedule, nowMs: number): number {
  const changes = schedule.overrides.flatMap(({ fromMs, toMs }) => [fromMs, toMs]).filter((atMs) => atMs > nowMs);
  return Math.min(shiftStartMs(schedule, shiftAt(schedule, nowMs) + 1), ...changes);
}

/** The last shift that has begun; 0 is the first one. */
function shiftAt(schedule: OnCallSchedule, nowMs: number): number {
  const shiftMs = schedule.shiftHours * HOUR_MS;
  const firstMs = firstWallMs(schedule);
  const now = Temporal.Instant.fromEpochMilliseconds(Math.floor(nowMs)).toZonedDateTimeISO(schedule.timeZone);
  const startMs = (shift: number) => shiftStartMs(schedule, shift);
  let shift = Math.floor((wallMsOf(now) - firstMs) / shiftMs);
  // Where clocks were set forward over a handoff, and where they were set back behind one.
  while (startMs(shift) > nowMs) shift--;
  while (startMs(shift + 1) <= nowMs) shift++;
  return shift;
}

function shiftStartMs(schedule: OnCallSchedule, shift: number): number {
  return instantMs(firstWallMs(schedule) + shift * schedule.shiftHours * HOUR_MS, schedule.timeZone);
}

/** Wall clocks are reckoned as if they showed UTC, where each day has 24 hours. */
function firstWallMs({ firstHandoff }: OnCallSchedule): number {
  return wallMsOf(Temporal.PlainDateTime.from(firstHandoff).toZonedDateTime("UTC"));
}

function wallMsOf({ epochMilliseconds, offsetNanoseconds }: Temporal.ZonedDateTime): number {
  return epochMilliseconds + offsetNanoseconds / 1_000_000;
}

function instantMs(wallMs: number, timeZone: string): number {
  const wall = Temporal.Instant.fromEpochMilliseconds(wallMs).toZonedDateTimeISO("UTC").toPlainDateTime();
  return wall.toZonedDateTime(timeZone, { disambiguation: "compatible" }).epochMilliseconds;
}
