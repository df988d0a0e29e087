/** What is usual of a series at each hour of the week, in local time. */
import { timeZoneOf, type TimeZone } from "./time-zone.ts";

export interface Usual {
  readonly mean: number;
  /** Standard deviation of a value of this hour of another week. */
  readonly deviation: number;
  /** That had a value in this hour. */
  readonly weeks: number;
}

export interface SeasonalProfile {
  /** At the hour of the week of that time, Unix microseconds; null where too little is known. */
  usual(timeUs: number): Usual | null;
}

/** Columns of one series, ascending by time. */
export interface SeasonalHistory {
  readonly timesUs: Float64Array;
  /** Samples, or averages of an hour or less. */
  readonly values: Float64Array;
  /** Of averages: the standard deviation of the samples in each. */
  readonly deviations?: Float64Array;
}

const HOURS_OF_WEEK = 168;
const US_PER_HOUR = 3_600_000_000;
/** The first of January 1970 was a Thursday; weeks begin with Monday. */
const HOURS_BEFORE_EPOCH = 72;
/** What all hours together say of the deviation counts like so many weeks of one hour. */
const WEEKS_OF_ALL = 8;
/** What is beyond counts as this, so that squares are finite. */
const VALUE_MAX = 1e150;

/**
 * Each hour's average of each week counts once. The variance of an hour is that between its weeks and that within its
 * hours. Three weeks say little of it, and one that is too small by chance is an alarm at night: so it is drawn towards the
 * average over all hours (by as much as eight weeks; shrinkage as in limma, Smyth 2004), and raised by a part of it for what
 * the mean itself may be off (1 + 1/weeks, as for a prediction). Hours with fewer than `weeksMin` weeks are not judged. The
 * hour that a clock is put back over is one of twice the length; that which is left out is missing in its week.
 * Throws RangeError for a zone that is not known.
 */
export function seasonalProfile(history: SeasonalHistory, timeZone: string, weeksMin: number): SeasonalProfile {
  const zone = timeZoneOf(timeZone);
  const slots = Array.from({ length: HOURS_OF_WEEK }, () => new Slot());
  for (const hour of hoursOf(history, zone)) slots[hour.hour % HOURS_OF_WEEK].add(hour);
  const several = slots.filter(({ weeks }) => weeks > 1);
  const overall = several.reduce((sum, slot) => sum + slot.variance / several.length, 0);
  return new ColumnProfile(slots, overall, zone, weeksMin);
}

interface Hour {
  /** Local hours since a Monday. */
  readonly hour: number;
  readonly mean: number;
  /** Within the hour. */
  readonly variance: number;
}

function* hoursOf({ timesUs, values, deviations }: SeasonalHistory, zone: TimeZone): Generator<Hour> {
  let hour = NaN;
  let [count, mean, squares] = [0, 0, 0];
  for (let i = 0; i < timesUs.length; i++) {
    const next = localHour(timesUs[i], zone);
    if (next !== hour) {
      if (count > 0) yield { hour, mean, variance: squares / count };
      hour = next;
      count = mean = squares = 0;
    }
    const value = Math.max(-VALUE_MAX, Math.min(VALUE_MAX, values[i]));
    const deviation = Math.min(VALUE_MAX, deviations?.[i] ?? 0);
    const difference = value - mean;
    mean += difference / ++count;
    squares += difference * (value - mean) + deviation * deviation;
  }
  if (count > 0) yield { hour, mean, variance: squares / count };
}

function localHour(timeUs: number, zone: TimeZone): number {
  return Math.floor((timeUs + zone.offsetUs(timeUs)) / US_PER_HOUR) + HOURS_BEFORE_EPOCH;
}

/** The weeks of one hour of the week. */
class Slot {
  weeks = 0;
  mean = 0;
  #squares = 0;
  #within = 0;

  add({ mean, variance }: Hour): void {
    const difference = mean - this.mean;
    this.mean += difference / ++this.weeks;
    this.#squares += difference * (mean - this.mean);
    this.#within += variance;
  }

  /** Of more than one week. */
  get variance(): number {
    return this.#squares / (this.weeks - 1) + this.#within / this.weeks;
  }
}

class ColumnProfile implements SeasonalProfile {
  readonly #zone: TimeZone;
  readonly #weeksMin: number;
  readonly #means = new Float64Array(HOURS_OF_WEEK);
  readonly #deviations = new Float64Array(HOURS_OF_WEEK);
  readonly #weeks = new Uint16Array(HOURS_OF_WEEK);
  #hour = NaN;
  #usual: Usual | null = null;

  constructor(slots: readonly Slot[], overallVariance: number, zone: TimeZone, weeksMin: number) {
    this.#zone = zone;
    this.#weeksMin = weeksMin;
    for (const [i, { weeks, mean, variance }] of slots.entries()) {
      if (weeks === 0) continue;
      const own = weeks > 1 ? weeks - 1 : 0;
      const drawn = ((own > 0 ? own * variance : 0) + WEEKS_OF_ALL * overallVariance) / (own + WEEKS_OF_ALL);
      this.#means[i] = mean;
      this.#deviations[i] = Math.sqrt(drawn * (1 + 1 / weeks));
      this.#weeks[i] = weeks;
    }
  }

  usual(timeUs: number): Usual | null {
    const hour = localHour(timeUs, this.#zone);
    if (hour !== this.#hour) {
      this.#hour = hour;
      this.#usual = this.#at(hour % HOURS_OF_WEEK);
    }
    return this.#usual;
  }

  #at(slot: number): Usual | null {
    const weeks = this.#weeks[slot];
    if (weeks < Math.max(1, this.#weeksMin)) return null;
    return { mean: this.#means[slot], deviation: this.#deviations[slot], weeks };
  }
}
