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

/** What a drawing needs: the steps of the range, the last values, or both. */
export type FeedNeed = "steps" | "last" | "both";

interface Source {
  readonly query: PanelQuery;
  readonly steps: StepValues | undefined;
  /** Undefined: they are not needed, or have not come. */
  readonly last: Signal<Part["last"]>;
  readonly isLive: boolean;
}

export class PanelFeed {
  readonly data: ReadonlySignal<PanelData>;
  readonly #sources: readonly Source[];
  #close: (() => void)[] = [];

  /** Of queries without variables. Nothing is asked before it is opened. */
  constructor(queries: readonly PanelQuery[], range: TimeRange, need: FeedNeed) {
    this.#sources = queries.map((query) => {
      // The last step tells what live values cannot.
      const isLive = need !== "steps" && "lastMs" in range && LIVE.includes(query.function);
      const asked = { ...query, stepMs: Number(query.stepMs), range, stepsMax: STEPS_MAX };
      const steps = need === "last" && isLive ? undefined : new StepValues(asked);
      return { query, steps, isLive, last: signal<Part["last"]>(undefined) };
    });
    this.data = computed(() =>
      together(this.#sources.map(({ steps, last }) => ({ steps: steps?.state.value, last: last.value }))),
    );
  }

  open(): void {
    for (const { query, steps, isLive, last } of this.#sources) {
      if (steps !== undefined) this.#close.push(steps.follow());
      if (isLive)
        this.#close.push(
          followLastValues(
            query,
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
