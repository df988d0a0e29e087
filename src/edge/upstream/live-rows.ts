/** Frames that follow each other closely, as one: few of them take the room, and the acknowledgement, of one. */
import type { FrameRows } from "../../codec/frame-block.ts";
import type { Frame } from "../../model/frame.ts";
import { FRAME_POINTS_MAX } from "../../model/limits.ts";
import type { SequenceRange } from "../../model/sequence-ranges.ts";

const ROWS_MIN = 1_024;

export class LiveRows implements FrameRows {
  count = 0;
  seriesIds = new Uint32Array(ROWS_MIN);
  timesUs = new Float64Array(ROWS_MIN);
  values = new Float64Array(ROWS_MIN);
  arrivalMs = 0;
  #from = 0;
  #to = 0;

  get isEmpty(): boolean {
    return this.#from === this.#to;
  }

  get sequences(): SequenceRange {
    return [this.#from, this.#to];
  }

  /** Whether there was room for it, behind the frame before. `passes`: which series are wanted; null: all. */
  add(frame: Frame, passes: ((seriesId: number) => boolean) | null): boolean {
    if (!this.isEmpty && (frame.seq !== this.#to || this.count + frame.count > FRAME_POINTS_MAX)) return false;
    if (this.isEmpty) [this.#from, this.arrivalMs] = [frame.seq, frame.arrivalMs];
    this.#to = frame.seq + 1;
    this.#widen(this.count + frame.count);
    if (passes === null) {
      this.seriesIds.set(frame.seriesIds.subarray(0, frame.count), this.count);
      this.timesUs.set(frame.timesUs.subarray(0, frame.count), this.count);
      this.values.set(frame.values.subarray(0, frame.count), this.count);
      this.count += frame.count;
      return true;
    }
    for (let i = 0; i < frame.count; i++) {
      if (!passes(frame.seriesIds[i])) continue;
      this.seriesIds[this.count] = frame.seriesIds[i];
      this.timesUs[this.count] = frame.timesUs[i];
      this.values[this.count++] = frame.values[i];
    }
    return true;
  }

  clear(): void {
    this.count = this.#from = this.#to = 0;
  }

  #widen(rows: number): void {
    if (rows <= this.seriesIds.length) return;
    const length = Math.min(FRAME_POINTS_MAX, Math.max(rows, 2 * this.seriesIds.length));
    const { seriesIds, timesUs, values } = this;
    (this.seriesIds = new Uint32Array(length)).set(seriesIds);
    (this.timesUs = new Float64Array(length)).set(timesUs);
    (this.values = new Float64Array(length)).set(values);
  }
}
