/** Frames on their way into an engine, which can be held back for a while, and of which the last are remembered. */
import type { Clock } from "../../model/clock.ts";
import type { Frame } from "../../model/frame.ts";
import type { Engine } from "../engine.ts";

export interface FrameIntakeDeps {
  readonly engine: Pick<Engine, "apply" | "replay" | "wake">;
  readonly clock: Clock;
  onTrouble(sentence: string): void;
}

/** Of 20 bytes each; past that the oldest are left out. */
const HELD_POINTS_MAX = 4_000_000;
/** A node that is silent for four seconds is gone. */
const REMEMBERED_MS = 6_000;
const REMEMBERED_POINTS_MAX = 1_000_000;

export class FrameIntake {
  readonly #deps: FrameIntakeDeps;
  readonly #held = new Frames();
  readonly #last = new Frames();
  #left = 0;
  #holders = 0;
  #isClosed = false;
  /** Whether somebody may ask for what came lately. */
  remembers = false;

  constructor(deps: FrameIntakeDeps) {
    this.#deps = deps;
  }

  take(frame: Frame): void {
    if (this.#isClosed) return;
    const isHeld = this.#holders > 0;
    // Its arrays are used again once it is published.
    const copy = isHeld || this.remembers ? copyOf(frame) : undefined;
    if (this.remembers) {
      this.#last.add(copy!);
      this.#last.leave(REMEMBERED_POINTS_MAX, this.#deps.clock.nowMs() - REMEMBERED_MS);
    } else this.#last.clear();
    if (!isHeld) return this.#deps.engine.apply(frame);
    this.#held.add(copy!);
    this.#left += this.#held.leave(HELD_POINTS_MAX, -Infinity);
  }

  /** Frames wait until what this returns is called, once or more often. */
  hold(): () => void {
    this.#holders++;
    let isHeld = true;
    return () => {
      if (isHeld && --this.#holders === 0) this.#release();
      isHeld = false;
    };
  }

  /** What is remembered of after a time, without what is held back. */
  after(arrivalMs: number): Frame[] {
    const held = new Set(this.#held.all);
    return this.#last.all.filter((frame) => frame.arrivalMs > arrivalMs && !held.has(frame));
  }

  /** Nothing is evaluated any more. */
  close(): void {
    this.#isClosed = true;
    this.#held.clear();
    this.#last.clear();
  }

  /** What came meanwhile may be known by what was brought back: it is evaluated as after a restart. */
  #release(): void {
    const { engine, onTrouble } = this.#deps;
    if (this.#isClosed) return;
    const held = this.#held.all;
    if (this.#left > 0) onTrouble(`${this.#left} points that came while rules moved are not held against rules`);
    this.#held.clear();
    this.#left = 0;
    for (const frame of held) engine.replay(frame, 0);
    engine.wake();
  }
}

class Frames {
  all: Frame[] = [];
  #points = 0;

  add(frame: Frame): void {
    this.all.push(frame);
    this.#points += frame.count;
  }

  /** Lets go of the oldest past a number of points, and of what came before a time. Returns of how many points. */
  leave(pointsMax: number, beforeMs: number): number {
    let [gone, points] = [0, 0];
    while (gone < this.all.length - 1) {
      const { count, arrivalMs } = this.all[gone];
      if (this.#points - points <= pointsMax && arrivalMs >= beforeMs) break;
      points += count;
      gone++;
    }
    if (gone > 0) this.all.splice(0, gone);
    this.#points -= points;
    return points;
  }

  clear(): void {
    this.all = [];
    this.#points = 0;
  }
}

function copyOf({ seq, arrivalMs, count, seriesIds, timesUs, values }: Frame): Frame {
  const columns = {
    seriesIds: seriesIds.slice(0, count),
    timesUs: timesUs.slice(0, count),
    values: values.slice(0, count),
  };
  return { seq, arrivalMs, count, ...columns };
}
