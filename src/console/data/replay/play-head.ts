/** Where a replay that plays is at each frame. Pure. */

/** How often what moves is drawn at the most: of charts less often than a frame. */
const SHOWN_EVERY_MS = 80;
/** Of the time that is spent on drawing at the most: one part in so many. */
const DRAWING_PART = 4;
/** Nobody watches for so long without a frame: a hidden tab. */
const FRAME_MAX_MS = 500;

export interface PlayBounds {
  /** Of what is, or will be, read. */
  readonly endMs: number;
  readonly readToMs: number;
  /** More comes. */
  readonly isReading: boolean;
}

export interface PlayStep {
  readonly atMs: number;
  /** What is costly is drawn, too. */
  readonly isDue: boolean;
  /** It has come to its end. */
  readonly isOver: boolean;
}

export class PlayHead {
  #atMs: number;
  #frameMs: number;
  #shownMs: number;
  #everyMs = SHOWN_EVERY_MS;
  #wasShown = false;

  /** `nowMs`: monotonic. */
  constructor(atMs: number, nowMs: number) {
    this.#atMs = atMs;
    this.#frameMs = this.#shownMs = nowMs;
  }

  /** Somebody went elsewhere. */
  moveTo(atMs: number): void {
    this.#atMs = atMs;
  }

  step(nowMs: number, speed: number, { endMs, readToMs, isReading }: PlayBounds): PlayStep {
    const elapsedMs = Math.min(FRAME_MAX_MS, Math.max(0, nowMs - this.#frameMs));
    this.#frameMs = nowMs;
    // What takes long to draw is drawn less often: the time moves on smoothly, and keys are heard.
    if (this.#wasShown) this.#everyMs = Math.max(SHOWN_EVERY_MS, elapsedMs * DRAWING_PART);
    // What is not read yet is waited for; whoever went beyond stays there.
    const lastMs = isReading ? Math.max(this.#atMs, Math.min(endMs, readToMs)) : endMs;
    this.#atMs = Math.min(lastMs, this.#atMs + elapsedMs * speed);
    const isOver = this.#atMs >= endMs && !isReading;
    const isDue = isOver || nowMs - this.#shownMs >= this.#everyMs;
    if (isDue) this.#shownMs = nowMs;
    this.#wasShown = isDue;
    return { atMs: this.#atMs, isDue, isOver };
  }
}
