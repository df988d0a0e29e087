/** What readings are made of: cycles of the day and the week, noise with memory, and what follows something else slowly. */
import type { Random } from "./random.ts";

/** A moment of a device's life. */
export interface Moment {
  /** Unix milliseconds of the simulated time; days and weeks are those of UTC. */
  readonly timeMs: number;
  /** Simulated seconds since the reading before; 0 at the first. */
  readonly stepS: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Hours since midnight, with their fraction. */
export function hourOf(timeMs: number): number {
  return (timeMs % DAY_MS) / HOUR_MS;
}

/** 0 on Monday to 6 on Sunday. */
export function weekdayOf(timeMs: number): number {
  return (Math.floor(timeMs / DAY_MS) + 3) % 7;
}

export function isWorkday(timeMs: number): boolean {
  return weekdayOf(timeMs) < 5;
}

/** Between -1 and 1 over a day, highest at an hour. */
export function daily(timeMs: number, highestHour: number): number {
  return Math.cos(((hourOf(timeMs) - highestHour) / 24) * 2 * Math.PI);
}

/** Between -1 and 1 over a year, highest in the middle of July. */
export function yearly(timeMs: number): number {
  return Math.cos(((timeMs / DAY_MS - 195) / 365.25) * 2 * Math.PI);
}

/** 0 before `from` and after `to`, 1 between, with ramps of `rampHours` inside. Hours of a day. */
export function between(hour: number, from: number, to: number, rampHours: number): number {
  return clamp(Math.min((hour - from) / rampHours, (to - hour) / rampHours), 0, 1);
}

export function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}

/** Noise that remembers (first-order autoregression): mean 0, and after `memoryS` seconds a third of it is left. */
export class Noise {
  readonly #random: Random;
  readonly #deviation: number;
  readonly #memoryS: number;
  #value: number;

  constructor(random: Random, deviation: number, memoryS: number) {
    this.#random = random;
    this.#deviation = deviation;
    this.#memoryS = memoryS;
    this.#value = deviation * random.normal();
  }

  next(stepS: number): number {
    const kept = Math.exp(-stepS / this.#memoryS);
    const fresh = this.#deviation * Math.sqrt(1 - kept * kept);
    this.#value = kept * this.#value + fresh * this.#random.normal();
    return this.#value;
  }
}

/** What follows a target with delay, as heat does: two thirds of the way in `delayS` seconds. */
export class Lag {
  readonly #delayS: number;
  #value: number | undefined;

  constructor(delayS: number) {
    this.#delayS = delayS;
  }

  follow(target: number, stepS: number): number {
    const before = this.#value ?? target;
    return (this.#value = target + (before - target) * Math.exp(-stepS / this.#delayS));
  }
}

/** On and off by chance, each for a mean time. */
export class Switch {
  readonly #random: Random;
  #leftS: number | undefined;
  #isOn = false;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Of a step whether it is on at its end. A mean of Infinity: it stays. */
  next(stepS: number, meanOnS: number, meanOffS: number): boolean {
    this.#leftS ??= this.#random.exponential(meanOffS);
    this.#leftS -= stepS;
    // Of a long step the last change alone shows.
    if (this.#leftS > 0) return this.#isOn;
    this.#isOn = !this.#isOn;
    this.#leftS = this.#random.exponential(this.#isOn ? meanOnS : meanOffS);
    return this.#isOn;
  }
}
