/**
 * From levels of a condition to an alert: quiet, pending while the hold runs, firing, and keeping, when the condition is no
 * longer met and the rule goes on firing for a while. Time is that of the samples, microseconds, and never goes back. A
 * level counts once it, or a higher one, has held for the rule's hold; what it falls to counts at once.
 */
export type Phase = "quiet" | "pending" | "firing" | "keeping";

export interface Timing {
  readonly holdUs: number;
  readonly keepFiringUs: number;
}

/** What a step has done. `moved`: what is on its way has changed, and nothing that is shown. */
export type LifecycleChange =
  "pending" | "moved" | "cancelled" | "fired" | "rose" | "fell" | "keeping" | "resumed" | "cleared";

/** As it is written down. */
export interface SavedLifecycle {
  readonly phase: Phase;
  readonly level: number;
  readonly shown: number;
  /** Since when level 1 or a higher one holds; null where none does. */
  readonly sinceUs: number | null;
  /** Since when level i + 2 or a higher one holds. */
  readonly higherUs: readonly number[];
  /** Null where it is not keeping. */
  readonly keptSinceUs: number | null;
}

export class Lifecycle {
  phase: Phase = "quiet";
  /** Of the condition. */
  level = 0;
  /** That the alert has; 0 where there is none. */
  shown = 0;
  /** Since when level 1 or a higher one holds; NaN where none does. */
  sinceUs = NaN;
  /** Since when level i + 2 or a higher one holds: of ladders. */
  #higherUs: readonly number[] = NONE;
  #keptSinceUs = NaN;

  /** When a step may change something although the level stays; Infinity: never. */
  dueUs({ holdUs, keepFiringUs }: Timing): number {
    if (this.phase === "keeping") return this.#keptSinceUs + keepFiringUs;
    // Higher levels do not begin before lower ones.
    return this.shown < this.level ? this.#sinceLevel(this.shown + 1) + holdUs : Infinity;
  }

  /** Whether {@link step} with the standing level does nothing, whatever the time. */
  get isSettled(): boolean {
    return this.shown === this.level;
  }

  /** Where no level holds, the next one that {@link step} takes holds since then. */
  beginAt(timeUs: number): void {
    if (this.level === 0) this.sinceUs = timeUs;
  }

  /** Takes the level at a time; returns what that has changed, null for nothing. */
  step(level: number, timeUs: number, timing: Timing): LifecycleChange | null {
    const isMoved = level !== this.level && Math.max(level, this.level) > this.shown;
    this.#note(level, timeUs);
    return this.#advance(timeUs, timing) ?? (isMoved ? "moved" : null);
  }

  #advance(timeUs: number, timing: Timing): LifecycleChange | null {
    switch (this.phase) {
      case "quiet":
      case "pending":
        return this.#beforeFiring(timeUs, timing);
      case "firing":
      case "keeping":
        return this.#whileFiring(timeUs, timing);
    }
  }

  /** Ends what there is, for a reason that lies outside of the condition: it must hold anew from the next step on. */
  reset(): void {
    this.phase = "quiet";
    this.level = 0;
    this.shown = 0;
    this.sinceUs = NaN;
    this.#higherUs = NONE;
    this.#keptSinceUs = NaN;
  }

  save(): SavedLifecycle {
    const { phase, level, shown } = this;
    return {
      phase,
      level,
      shown,
      sinceUs: level === 0 ? null : this.sinceUs,
      higherUs: this.#higherUs,
      keptSinceUs: phase === "keeping" ? this.#keptSinceUs : null,
    };
  }

  restore({ phase, level, shown, sinceUs, higherUs, keptSinceUs }: SavedLifecycle): void {
    this.phase = phase;
    this.level = level;
    this.shown = shown;
    this.sinceUs = sinceUs ?? NaN;
    this.#higherUs = higherUs.length === 0 ? NONE : higherUs;
    this.#keptSinceUs = keptSinceUs ?? NaN;
  }

  #note(level: number, timeUs: number): void {
    this.level = level;
    if (level === 0) this.sinceUs = NaN;
    else if (Number.isNaN(this.sinceUs)) this.sinceUs = timeUs;
    const higher = Math.max(0, level - 1);
    const before = this.#higherUs.length;
    if (before > higher) this.#higherUs = higher === 0 ? NONE : this.#higherUs.slice(0, higher);
    else if (before < higher) {
      this.#higherUs = [...this.#higherUs, ...Array.from({ length: higher - before }, () => timeUs)];
    }
  }

  /** Since when a level that holds, or a higher one, does. */
  #sinceLevel(level: number): number {
    return level === 1 ? this.sinceUs : this.#higherUs[level - 2];
  }

  #beforeFiring(timeUs: number, timing: Timing): LifecycleChange | null {
    if (this.level === 0) {
      const wasPending = this.phase === "pending";
      this.phase = "quiet";
      return wasPending ? "cancelled" : null;
    }
    this.shown = this.#earned(timeUs, timing);
    if (this.shown > 0) {
      this.phase = "firing";
      return "fired";
    }
    const isNew = this.phase === "quiet";
    this.phase = "pending";
    return isNew ? "pending" : null;
  }

  #whileFiring(timeUs: number, timing: Timing): LifecycleChange | null {
    if (this.level === 0) {
      if (this.phase === "firing") {
        this.phase = "keeping";
        this.#keptSinceUs = timeUs;
        if (timing.keepFiringUs > 0) return "keeping";
      }
      if (timeUs < this.#keptSinceUs + timing.keepFiringUs) return null;
      this.reset();
      return "cleared";
    }
    const wasKept = this.phase === "keeping";
    const before = this.shown;
    this.phase = "firing";
    this.#keptSinceUs = NaN;
    this.shown = Math.max(this.#earned(timeUs, timing), Math.min(before, this.level));
    if (this.shown > before) return "rose";
    if (this.shown < before) return "fell";
    return wasKept ? "resumed" : null;
  }

  /** The highest level that has held long enough. */
  #earned(timeUs: number, { holdUs }: Timing): number {
    let earned = 0;
    while (earned < this.level && timeUs - this.#sinceLevel(earned + 1) >= holdUs) earned++;
    return earned;
  }
}

const NONE: readonly number[] = [];
