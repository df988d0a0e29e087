/** What is usual of the series of seasonal rules, from what is stored: read when they are bound, and again from time to time. */
import { seasonalProfile, type SeasonalProfile, type Usual } from "./conditions/seasonal-profile.ts";
import type { Condition } from "./rule.ts";

export interface HourlyPart {
  /** Hours of `seriesIds[i]` are [offsets[i], offsets[i + 1]), ascending. */
  readonly offsets: Uint32Array;
  readonly timesUs: Float64Array;
  /** Averages. */
  readonly values: Float64Array;
  /** Standard deviations within the hours, about. */
  readonly deviations: Float64Array;
}

export interface HourlyHistory {
  hours(seriesIds: Uint32Array, fromUs: number, toUs: number): Promise<HourlyPart>;
}

type Seasonal = Extract<Condition, { readonly kind: "seasonal" }>;

const WEEK_MS = 7 * 86_400_000;
/** More weeks than a rule asks for: in some of them there may be nothing. */
const WEEKS_MORE = 2;
const SERIES_AT_ONCE = 500;

export class SeasonalProfiles {
  readonly #history: HourlyHistory;
  readonly #known = new Map<string, LateProfile>();

  constructor(history: HourlyHistory) {
    this.#history = history;
  }

  /** Knows nothing until it is loaded. */
  of(seriesId: number, condition: Seasonal): SeasonalProfile {
    const { timeZone, weeks } = condition;
    const key = `${seriesId} ${weeks} ${timeZone}`;
    let profile = this.#known.get(key);
    if (profile === undefined) this.#known.set(key, (profile = new LateProfile(seriesId, timeZone, weeks)));
    return profile;
  }

  /** Reads what was stored before a time: of those that know nothing yet, or of all. */
  async load(beforeMs: number, isForAll: boolean): Promise<void> {
    const wanted = [...this.#known.values()].filter(({ isLoaded }) => isForAll || !isLoaded);
    for (let at = 0; at < wanted.length; at += SERIES_AT_ONCE)
      await this.#loadSome(wanted.slice(at, at + SERIES_AT_ONCE), beforeMs);
  }

  async #loadSome(some: readonly LateProfile[], beforeMs: number): Promise<void> {
    const seriesIds = Uint32Array.from(new Set(some.map(({ seriesId }) => seriesId))).sort();
    const weeks = some.reduce((most, profile) => Math.max(most, profile.weeks), 0) + WEEKS_MORE;
    const fromUs = Math.max(0, beforeMs - weeks * WEEK_MS) * 1_000;
    const part = await this.#history.hours(seriesIds, fromUs, beforeMs * 1_000);
    for (const profile of some) {
      const i = seriesIds.indexOf(profile.seriesId);
      profile.learn(part, part.offsets[i], part.offsets[i + 1]);
    }
  }
}

class LateProfile implements SeasonalProfile {
  readonly seriesId: number;
  readonly weeks: number;
  isLoaded = false;
  readonly #timeZone: string;
  #profile: SeasonalProfile | null = null;

  constructor(seriesId: number, timeZone: string, weeks: number) {
    this.seriesId = seriesId;
    this.weeks = weeks;
    this.#timeZone = timeZone;
  }

  usual(timeUs: number): Usual | null {
    return this.#profile === null ? null : this.#profile.usual(timeUs);
  }

  learn({ timesUs, values, deviations }: HourlyPart, from: number, to: number): void {
    const history = {
      timesUs: timesUs.subarray(from, to),
      values: values.subarray(from, to),
      deviations: deviations.subarray(from, to),
    };
    this.#profile = seasonalProfile(history, this.#timeZone, this.weeks);
    this.isLoaded = true;
  }
}
