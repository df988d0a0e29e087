/**
 * Windows keep a slot for each pane, a thousandth of the window, and not for each sample: an hour of a 20 kHz sensor is
 * a thousand slots and not 72 million samples. Samples of one pane leave together, with the newest of them. So a window is
 * exact where samples are further apart than a pane, and reaches back too far by less than a pane where they are not. Panes
 * lie at multiples of their width, so that a window filled again after a restart has the same ones.
 */
export const PANES_OF_WINDOW = 1_000;

export class Panes {
  readonly #widthUs: number;
  #endUs = -Infinity;

  constructor(widthUs: number) {
    this.#widthUs = widthUs;
  }

  /** Whether a time is the first of its pane; times ascend. */
  begins(timeUs: number): boolean {
    if (timeUs < this.#endUs) return false;
    this.#endUs = (Math.floor(timeUs / this.#widthUs) + 1) * this.#widthUs;
    return true;
  }
}

/** Whether a time and a later one are of the same pane. */
export function areOfOnePane(timeUs: number, laterUs: number, widthUs: number): boolean {
  return laterUs - timeUs < widthUs && Math.floor(timeUs / widthUs) === Math.floor(laterUs / widthUs);
}
