/** Points of a log that nobody has open, as far as they are not in period files: there they are counted. */
import type { Frame } from "../model/frame.ts";
import { periodOf, periodStartUs, type Period } from "./period.ts";

/** Of one period, by record. */
interface Counted {
  readonly seqs: number[];
  readonly points: number[];
  sealedThrough: number;
}

export class LoggedPoints {
  readonly #periods = new Map<Period, Counted>();

  /** In the order of the log. */
  add({ seq, count, timesUs }: Frame): void {
    let [fromUs, toUs] = [0, 0];
    let counted: Counted | undefined;
    for (let row = 0; row < count; row++) {
      if (counted === undefined || timesUs[row] < fromUs || timesUs[row] >= toUs) {
        const period = periodOf(timesUs[row]);
        [fromUs, toUs] = [periodStartUs(period), periodStartUs(period + 1)];
        counted = this.#of(period);
      }
      const { seqs, points } = counted;
      if (seqs.at(-1) === seq) points[points.length - 1]++;
      else {
        seqs.push(seq);
        points.push(1);
      }
    }
  }

  /** A file of the period names this sequence. */
  sealed(period: Period, throughSeq: number): void {
    const counted = this.#of(period);
    counted.sealedThrough = Math.max(counted.sealedThrough, throughSeq);
  }

  get unsealed(): number {
    let sum = 0;
    for (const { seqs, points, sealedThrough } of this.#periods.values()) {
      seqs.forEach((seq, i) => (sum += seq > sealedThrough ? points[i] : 0));
    }
    return sum;
  }

  #of(period: Period): Counted {
    let counted = this.#periods.get(period);
    if (counted === undefined) this.#periods.set(period, (counted = { seqs: [], points: [], sealedThrough: -1 }));
    return counted;
  }
}
