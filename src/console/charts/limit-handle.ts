/** A limit that can be dragged: a handle over its line, for pointers, fingers and keys. */
import { numberText } from "../format.ts";
import { roundedTo } from "./rounded-to.ts";
import type { PlotThreshold } from "./plot-model.ts";

/** Where values lie on the plot. */
export interface ValueAxis {
  readonly over: HTMLElement | undefined;
  topPxOf(value: number): number;
  valueAtPx(topPx: number): number;
}

const [STEP_PX, PAGE_PX] = [2, 20];

export class LimitHandle {
  readonly #place: HTMLElement;
  readonly #axis: ValueAxis;
  readonly #onMove: (value: number) => void;
  #value = NaN;

  /** Lies in what has the plot in it, over it. */
  constructor(place: HTMLElement, axis: ValueAxis, onMove: (value: number) => void) {
    [this.#place, this.#axis, this.#onMove] = [place, axis, onMove];
    place.tabIndex = 0;
    place.role = "slider";
    place.ariaOrientation = "vertical";
    place.title = "Drag, or use the arrow keys";
    place.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      place.focus();
      place.setPointerCapture(event.pointerId);
    });
    place.addEventListener("pointermove", (event) => {
      const { over } = axis;
      if (!place.hasPointerCapture(event.pointerId) || over === undefined) return;
      this.#moveTo(event.clientY - over.getBoundingClientRect().top);
    });
    place.addEventListener("keydown", (event) => {
      const steps: Record<string, number> = {
        ArrowUp: -STEP_PX,
        ArrowDown: STEP_PX,
        PageUp: -PAGE_PX,
        PageDown: PAGE_PX,
      };
      const step = steps[event.key];
      if (step === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      this.#moveTo(axis.topPxOf(this.#value) + step);
    });
  }

  /** Undefined: there is none. */
  show(threshold: PlotThreshold | undefined): void {
    const place = this.#place;
    const { over } = this.#axis;
    const parent = place.offsetParent ?? place.parentElement;
    this.#value = threshold?.value ?? NaN;
    const topPx = this.#axis.topPxOf(this.#value);
    place.hidden = threshold === undefined || over === undefined || parent === null || !Number.isFinite(topPx);
    if (threshold === undefined || over === undefined || parent === null || place.hidden) return;
    const [box, around] = [over.getBoundingClientRect(), place.parentElement!.getBoundingClientRect()];
    // A limit that is out of sight is held at the edge, where it can be caught.
    const heldPx = Math.min(box.height, Math.max(0, topPx));
    place.style.transform = `translate(${box.left - around.left}px, ${box.top - around.top + heldPx}px)`;
    place.style.width = `${box.width}px`;
    place.dataset["severity"] = threshold.severity;
    place.ariaLabel = `Limit: ${threshold.label ?? numberText(threshold.value)}`;
    place.ariaValueNow = String(threshold.value);
    place.ariaValueMin = String(this.#axis.valueAtPx(box.height));
    place.ariaValueMax = String(this.#axis.valueAtPx(0));
  }

  #moveTo(topPx: number): void {
    const value = this.#axis.valueAtPx(topPx);
    const perPx = Math.abs(this.#axis.valueAtPx(topPx + 1) - value);
    const rounded = roundedTo(value, perPx);
    if (Number.isFinite(rounded) && rounded !== this.#value) this.#onMove(rounded);
  }
}
