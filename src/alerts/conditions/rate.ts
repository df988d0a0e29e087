import type { Condition } from "../rule.ts";
import type { ConditionState } from "./condition-state.ts";
import { meets } from "./limit.ts";
import { Panes, PANES_OF_WINDOW } from "./panes.ts";
import { RowQueue } from "./row-queue.ts";

type Rate = Extract<Condition, { kind: "rate" }>;

const [TIME, VALUE] = [0, 1];
const COLUMNS = 2;
const US_PER_MS = 1_000;
const US_PER_SECOND = 1_000_000;

/**
 * Change per second from the oldest sample of the window to the newest; of samples in one pane the first is kept. It is not
 * met while they are less than half the window apart, as at first and after a gap: two samples a millisecond apart would
 * make any noise a steep rise. A fall is a negative rate, that of a counter that starts over, too.
 */
export class RateState implements ConditionState {
  readonly #condition: Rate;
  readonly #panes: Panes;
  readonly #rows = new RowQueue(COLUMNS);
  observed = NaN;

  constructor(condition: Rate) {
    this.#condition = condition;
    this.#panes = new Panes((condition.overMs * US_PER_MS) / PANES_OF_WINDOW);
  }

  get dueUs(): number {
    return Infinity;
  }

  take(timeUs: number, value: number, level: number): number {
    const rows = this.#rows;
    const { limit, overMs } = this.#condition;
    const overUs = overMs * US_PER_MS;
    while (rows.length > 0 && rows.get(0, TIME) <= timeUs - overUs) rows.shift();
    if (this.#panes.begins(timeUs)) {
      const row = rows.push();
      rows.set(row, TIME, timeUs);
      rows.set(row, VALUE, value);
    }
    const spanUs = timeUs - rows.get(0, TIME);
    if (2 * spanUs < overUs) return 0;
    this.observed = (value - rows.get(0, VALUE)) / (spanUs / US_PER_SECOND);
    return meets(limit, this.observed, level > 0) ? 1 : 0;
  }

  elapse(_timeUs: number, level: number): number {
    return level;
  }
}
