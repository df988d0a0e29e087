/** Numbers and times as the reader's browser writes them. */
import { computed } from "@preact/signals";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { times } from "./preferences.ts";

// Five digits, but never fewer than the whole part has: a counter of 123,456 is not 123,460.
const number = new Intl.NumberFormat(undefined, {
  ...{ maximumSignificantDigits: 5, maximumFractionDigits: 0, roundingPriority: "morePrecision" },
});
const fixed = new Map<number, Intl.NumberFormat>();
const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const DAY_MS = 86_400_000;
const STEPS: readonly (readonly [ms: number, unit: string])[] = [
  [DAY_MS, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
];

interface TimeFormats {
  readonly clock: Intl.DateTimeFormat;
  readonly dateAndClock: Intl.DateTimeFormat;
  readonly long: Intl.DateTimeFormat;
  readonly day: Intl.DateTimeFormat;
}

function timeFormats(zone: { timeZone?: string }): TimeFormats {
  return {
    clock: new Intl.DateTimeFormat(undefined, { ...zone, hour: "2-digit", minute: "2-digit", second: "2-digit" }),
    dateAndClock: new Intl.DateTimeFormat(undefined, {
      ...{ ...zone, year: "numeric", month: "numeric", day: "numeric" },
      ...{ hour: "numeric", minute: "2-digit", second: "2-digit" },
    }),
    long: new Intl.DateTimeFormat(undefined, { ...zone, dateStyle: "medium", timeStyle: "long" }),
    day: new Intl.DateTimeFormat(undefined, { ...zone, dateStyle: "full" }),
  };
}

const [localTimes, utcTimes] = [timeFormats({}), timeFormats({ timeZone: "UTC" })];

/** Whether times are shown in UTC. */
export const isUtc = computed(() => times.value.value === "utc");

export function numberText(value: number): string {
  return Number.isFinite(value) ? number.format(value) : "–";
}

/** With so many decimals; as fits where that is left open. */
export function decimalText(value: number, decimals: number | undefined): string {
  if (decimals === undefined || !Number.isFinite(value)) return numberText(value);
  const digits = Math.max(0, Math.min(20, decimals));
  let format = fixed.get(digits);
  if (format === undefined) {
    format = new Intl.NumberFormat(undefined, { minimumFractionDigits: digits, maximumFractionDigits: digits });
    fixed.set(digits, format);
  }
  return format.format(value);
}

export function countText(count: number | bigint): string {
  return whole.format(count);
}

/** Of few of something: "1 device", "2 devices". */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`;
}

export function msOf(timestamp: Timestamp | undefined): number | undefined {
  return timestamp && Number(timestamp.seconds) * 1_000 + timestamp.nanos / 1e6;
}

/** The time alone where it is of today; local, or UTC where that was chosen. */
export function timeText(ms: number, nowMs: number): string {
  return Math.abs(nowMs - ms) < DAY_MS / 2 ? shownTimes().clock.format(ms) : dateTimeText(ms);
}

/** Day and time, local or in UTC. */
export function dateTimeText(ms: number): string {
  return shownTimes().dateAndClock.format(ms);
}

/** With its zone: for what is read elsewhere, too. */
export function longTimeText(ms: number): string {
  return shownTimes().long.format(ms);
}

/** Such as "Thursday, January 1, 1970", local or in UTC. */
export function dayText(ms: number): string {
  return shownTimes().day.format(ms);
}

function shownTimes(): TimeFormats {
  return isUtc.value ? utcTimes : localTimes;
}

/** The whole of it, the other way than it is shown: UTC where times are local. */
export function otherTimeText(ms: number): string {
  if (isUtc.value) return `${localTimes.dateAndClock.format(ms)} local time`;
  return new Date(ms)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, " UTC");
}

/** Such as "3 min". */
export function durationText(ms: number): string {
  const [size, unit] = STEPS.find(([step]) => ms >= step) ?? STEPS.at(-1)!;
  return `${Math.max(0, Math.floor(ms / size))} ${unit}`;
}

/** Such as "3.2 GB". */
export function bytesText(bytes: number): string {
  const at = bytes <= 0 ? 0 : Math.min(4, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1_000 ** at;
  return `${numberText(value < 100 ? Math.round(value * 10) / 10 : Math.round(value))} ${["B", "kB", "MB", "GB", "TB"][at]}`;
}
