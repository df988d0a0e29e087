/** Frames on their way into an engine, which can be held back for a while. */
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

export class FrameIntake {
  readonly #deps: FrameIntakeDeps;
  readonly #held = new Frames();
  #left = 0;
  #holders = 0;
  #isClosed = false;

  constructor(deps: FrameIntakeDeps) {
    this.#deps = deps;
  }

  take(frame: Frame): void {
    if (this.#isClosed) return;
    if (this.#holders === 0) return this.#deps.engine.apply(frame);
    // Its arrays are used again once it is published.
    this.#held.add(copyOf(frame));
    this.#left += this.#held.leave(HELD_POINTS_MAX);
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

  /** Nothing is evaluated any more. */
  close(): void {
    this.#isClosed = true;
    this.#held.clear();
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

  /** Lets go of the oldest past a number of points. Returns of how many. */
  leave(pointsMax: number): number {
    let [gone, points] = [0, 0];
    while (gone < this.all.length - 1 && this.#points - points > pointsMax) points += this.all[gone++].count;
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
