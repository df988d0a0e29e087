/** The weather of a site: what sensors outside read, and what rooms, vehicles and cold stores stand in. */
import type { Random } from "./random.ts";
import { clamp, daily, hourOf, Noise, yearly, type Moment } from "./signals.ts";

export interface Weather {
  readonly temperatureC: number;
  readonly pressureHpa: number;
  /** 0 to 1. */
  readonly clouds: number;
  readonly sunWM2: number;
}

/** Fronts of some days over the cycles of day and year. Where it is sunny, days are warmer and nights colder. */
export class Outdoors {
  readonly #front: Noise;
  readonly #gusts: Noise;
  readonly #clouds: Noise;

  constructor(site: Random) {
    this.#front = new Noise(site.split("front"), 1, 2 * 86_400);
    this.#gusts = new Noise(site.split("gusts"), 1, 3_600);
    this.#clouds = new Noise(site.split("clouds"), 0.2, 2 * 3_600);
  }

  next({ timeMs, stepS }: Moment): Weather {
    const front = this.#front.next(stepS);
    const clouds = clamp(0.5 - 0.3 * front + this.#clouds.next(stepS), 0, 1);
    const season = yearly(timeMs);
    const swing = (4 + 2 * season) * (1.2 - 0.8 * clouds);
    const temperatureC = 10 + 10 * season + swing * daily(timeMs, 15) + 2 * front + 0.5 * this.#gusts.next(stepS);
    const height = Math.sin(((hourOf(timeMs) - 6) / 12) * Math.PI);
    const sunWM2 = Math.max(0, height) * (700 + 250 * season) * (1 - 0.75 * clouds);
    return { temperatureC, pressureHpa: 1_013 + 9 * front, clouds, sunWM2 };
  }
}
