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
  #held: Frame[] = [];
  #points = 0;
  #left = 0;
  #holders = 0;

  constructor(deps: FrameIntakeDeps) {
    this.#deps = deps;
  }

  take(frame: Frame): void {
    if (this.#holders === 0) return this.#deps.engine.apply(frame);
    this.#held.push(frame);
    this.#points += frame.count;
    while (this.#points > HELD_POINTS_MAX && this.#held.length > 1) {
      const { count } = this.#held.shift()!;
      this.#points -= count;
      this.#left += count;
    }
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

  /** What came meanwhile may be known by what was brought back: it is evaluated as after a restart. */
  #release(): void {
    const { engine, onTrouble } = this.#deps;
    const held = this.#held;
    if (this.#left > 0) onTrouble(`${this.#left} points that came while rules moved are not held against rules`);
    this.#held = [];
    this.#points = 0;
    this.#left = 0;
    for (const frame of held) engine.replay(frame, 0);
    engine.wake();
  }
}
