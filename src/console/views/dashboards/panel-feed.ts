/** What a panel shows of its queries: steps of the range, and the last values as they come. */
import { computed, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { RangeFunction } from "../../../wire/gen/history_pb.ts";
import type { PanelQuery } from "../../../wire/gen/saved_dashboards_pb.ts";
import { followLastValues } from "../../data/last-values.ts";
import { StepValues } from "../../data/step-values.ts";
import { together, type PanelData, type Part } from "./panel-data.ts";
import type { TimeRange } from "./time-range.ts";

const STEPS_MAX = 120;
/** What a live value is the newest of; of other functions the last step tells. */
const LIVE: readonly RangeFunction[] = [RangeFunction.UNSPECIFIED, RangeFunction.AVG, RangeFunction.LAST];

export class PanelFeed {
  readonly data: ReadonlySignal<PanelData>;
  readonly #parts: readonly { readonly steps: StepValues; readonly last: Signal<Part["last"]> }[];
  readonly #queries: readonly PanelQuery[];
  readonly #isToNow: boolean;
  #close: (() => void)[] = [];

  /** Of queries without variables. Nothing is asked before it is opened. */
  constructor(queries: readonly PanelQuery[], range: TimeRange) {
    this.#queries = queries;
    this.#isToNow = "lastMs" in range;
    this.#parts = queries.map((query) => ({
      steps: new StepValues({ ...query, stepMs: Number(query.stepMs), range, stepsMax: STEPS_MAX }),
      last: signal<Part["last"]>(new Map()),
    }));
    this.data = computed(() =>
      together(this.#parts.map(({ steps, last }) => ({ steps: steps.state.value, last: last.value }))),
    );
  }

  open(): void {
    for (const [i, { steps, last }] of this.#parts.entries()) {
      this.#close.push(steps.follow());
      if (!this.#isToNow || !LIVE.includes(this.#queries[i].function)) continue;
      this.#close.push(
        followLastValues(
          this.#queries[i],
          whileSeen((values) => (last.value = values)),
        ),
      );
    }
  }

  close(): void {
    for (const close of this.#close.splice(0)) close();
  }
}

/** In a hidden tab only the newest is kept, and told once it is seen. */
function whileSeen<T>(tell: (value: T) => void): (value: T) => void {
  let waiting: { readonly value: T } | undefined;
  return (value) => {
    if (!document.hidden) return tell(value);
    if (waiting === undefined) {
      const onSeen = () => {
        if (waiting !== undefined) tell(waiting.value);
        waiting = undefined;
      };
      document.addEventListener("visibilitychange", onSeen, { once: true });
    }
    waiting = { value };
  };
}
