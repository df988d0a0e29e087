/** Points of one series as rollup rows: one for each window that has points. */
import type { ChunkSummary } from "../codec/block.ts";
import { forEachStep, stepOf, type RunSummary, type Steps } from "./steps.ts";

export class RollupSteps implements Steps {
  readonly takesSummaries = true;
  readonly #resolutionUs: number;
  /** Of the series being read, by time. */
  rows: ChunkSummary[] = [];
  #seriesId = 0;
  #start = NaN;
  #row: ChunkSummary | null = null;

  constructor(resolutionUs: number) {
    this.#resolutionUs = resolutionUs;
  }

  begin(seriesId: number): void {
    this.#seriesId = seriesId;
    this.rows = [];
  }

  take(timesUs: Float64Array, values: Float64Array, from: number, to: number): void {
    forEachStep(timesUs, from, to, this.#resolutionUs, (_, at, end) => {
      let [min, max, sum] = [values[at], values[at], 0];
      for (let i = at; i < end; i++) {
        const value = values[i];
        if (value < min) min = value;
        if (value > max) max = value;
        sum += value;
      }
      const [fromUs, toUs, first, last] = [timesUs[at], timesUs[end - 1], values[at], values[end - 1]];
      this.summary({ fromUs, toUs, count: end - at, min, max, sum, first, last });
    });
  }

  summary(run: RunSummary): void {
    const start = stepOf(run.fromUs, this.#resolutionUs);
    const row = this.#row;
    if (row === null || start !== this.#start) {
      this.end();
      this.#start = start;
      this.#row = { ...run, seriesId: this.#seriesId, superseded: 0 };
      return;
    }
    row.count += run.count;
    row.sum += run.sum;
    row.min = Math.min(row.min, run.min);
    row.max = Math.max(row.max, run.max);
    // Late points beside a row that is there come after it, though not always at a later time.
    if (run.toUs < row.toUs) return;
    row.toUs = run.toUs;
    row.last = run.last;
  }

  end(): void {
    if (this.#row !== null) this.rows.push(this.#row);
    this.#row = null;
  }
}
