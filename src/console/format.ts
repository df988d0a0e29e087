/** Numbers and times as the reader's browser writes them. */
import type { Timestamp } from "@bufbuild/protobuf/wkt";

const number = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 5 });
const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dateAndClock = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "medium" });
const DAY_MS = 86_400_000;
const STEPS: readonly (readonly [ms: number, unit: string])[] = [
  [DAY_MS, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
];

export function numberText(value: number): string {
  return Number.isFinite(value) ? number.format(value) : "–";
}

export function countText(count: number | bigint): string {
  return whole.format(count);
}

export function msOf(timestamp: Timestamp | undefined): number | undefined {
  return timestamp && Number(timestamp.seconds) * 1_000 + timestamp.nanos / 1e6;
}

/** The time alone where it is of today. */
export function timeText(ms: number, nowMs: number): string {
  return (Math.abs(nowMs - ms) < DAY_MS / 2 ? clock : dateAndClock).format(ms);
}

/** Such as "3 min". */
export function durationText(ms: number): string {
  const [size, unit] = STEPS.find(([step]) => ms >= step) ?? STEPS.at(-1)!;
  return `${Math.max(0, Math.floor(ms / size))} ${unit}`;
}
