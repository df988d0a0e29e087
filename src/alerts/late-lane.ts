/**
 * Points of a series that came late, evaluated by themselves: they never page, but an excursion in them is an episode to
 * be listed. Only what lies in gaps of the evaluated time counts, so what is delivered again is not evaluated again.
 */
import type { ConditionState } from "./conditions/condition-state.ts";
import { Lifecycle, type Timing } from "./lifecycle.ts";

/** An excursion that was wholly in late points. */
export interface LateEpisode {
  /** When it fired. */
  readonly fromUs: number;
  /** When it cleared, or its last point. */
  readonly toUs: number;
  /** The highest. */
  readonly level: number;
  /** What was compared with the limit when it fired. */
  readonly value: number;
}

/** Event times between these two were not evaluated. */
export interface Gap {
  fromUs: number;
  toUs: number;
  /** The sample at its end, which was evaluated as it came, met the condition. */
  isMetBehind?: boolean;
}

/** Points in any order would cut time into as many pieces as there are points: past that what is before a run is let go. */
const GAPS_MAX = 64;

export class LateLane {
  readonly #gaps: Gap[];
  readonly #lifecycle = new Lifecycle();
  readonly #makeState: () => ConditionState;
  readonly #timing: Timing;
  #state: ConditionState;
  #gap: Gap | null = null;
  #clockUs = -Infinity;
  #fromUs = NaN;
  #level = 0;
  #value = NaN;

  /** `gaps` may grow; what is evaluated of them is taken off. */
  constructor(gaps: Gap[], makeState: () => ConditionState, timing: Timing) {
    this.#gaps = gaps;
    this.#makeState = makeState;
    this.#state = makeState();
    this.#timing = timing;
  }

  /** Takes a late point; returns the episode that it ends, if any. */
  take(timeUs: number, value: number): LateEpisode | null {
    const at = this.#gaps.findIndex(({ fromUs, toUs }) => timeUs > fromUs && timeUs < toUs);
    if (at < 0) return null;
    const gap = this.#gaps[at];
    const isNew = gap !== this.#gap;
    const ended = isNew ? this.end() : null;
    // What is before a run of points may come later still.
    if (isNew && this.#gaps.length < GAPS_MAX) this.#gaps.splice(at, 0, { fromUs: gap.fromUs, toUs: timeUs });
    this.#gap = gap;
    gap.fromUs = timeUs;
    this.#clockUs = timeUs;
    const level = this.#state.take(timeUs, value, Math.min(this.#lifecycle.level, this.#lifecycle.shown));
    return this.#step(level, timeUs) ?? ended;
  }

  /** No more points of the gap are coming: what fires ends with the last of them, or goes on behind it and is no episode. */
  end(): LateEpisode | null {
    const late = this.#episode(this.#clockUs);
    const ended = this.#gap?.isMetBehind === true ? null : late;
    this.#lifecycle.reset();
    this.#state = this.#makeState();
    this.#gap = null;
    return ended;
  }

  #step(level: number, timeUs: number): LateEpisode | null {
    const change = this.#lifecycle.step(level, timeUs, this.#timing);
    if (change === "fired") {
      this.#fromUs = timeUs;
      this.#value = this.#state.observed;
    }
    if (change === "cleared") return this.#episode(timeUs);
    this.#level = Math.max(this.#level, this.#lifecycle.shown);
    return null;
  }

  #episode(toUs: number): LateEpisode | null {
    if (Number.isNaN(this.#fromUs)) return null;
    const episode = { fromUs: this.#fromUs, toUs, level: this.#level, value: this.#value };
    this.#fromUs = NaN;
    this.#level = 0;
    return episode;
  }
}
