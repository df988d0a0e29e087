/** What is stored of a range, in steps, read again as the steps go on: for drawings of a hundred steps, not of points. */
import { signal, type Signal } from "@preact/signals";
import { timestampOfMs } from "../../wire/timestamp.ts";
import type { RangeFunction, SeriesRange } from "../../wire/gen/history_pb.ts";
import { dashboardApi } from "../api.ts";
import { failureText } from "../errors.ts";
import { serverNowMs } from "../now.ts";
import type { LastValuesQuery } from "./last-value-groups.ts";
import { poll } from "./poll.ts";
import { seriesNameOf } from "./series-name.ts";
import type { StepSeries, StepValuesState } from "./series-values.ts";
import { stepFor } from "./step-length.ts";
import { rangeTurns } from "./turns.ts";

export interface StepsQuery extends LastValuesQuery {
  readonly function: RangeFunction;
  /** 0: as fits. */
  readonly stepMs: number;
  readonly range: { readonly lastMs: number } | { readonly fromMs: number; readonly toMs: number };
  readonly stepsMax: number;
}

const READ_EVERY_MS_MIN = 5_000;

export class StepValues {
  readonly state: Signal<StepValuesState>;
  readonly #query: StepsQuery;

  constructor(query: StepsQuery) {
    this.#query = query;
    const { range, stepMs, stepsMax } = query;
    const lengthMs = "lastMs" in range ? range.lastMs : range.toMs - range.fromMs;
    const step = Math.max(stepMs, stepFor(lengthMs, stepsMax));
    const nothing: StepValuesState = {
      ...{ series: [], fromMs: 0, toMs: 0, stepMs: step, isRead: false, notes: [], failure: "" },
    };
    this.state = signal(nothing);
  }

  /** Reads, and reads again while the range goes on and the page is seen. Returns what stops it. */
  follow(): () => void {
    const over = new AbortController();
    poll({
      ask: (signal) => this.#read(signal),
      onAnswer: (found) => (this.state.value = { ...this.state.peek(), ...found, isRead: true, failure: "" }),
      onFailure: (error) => (this.state.value = { ...this.state.peek(), isRead: true, failure: failureText(error) }),
      everyMs: Math.max(READ_EVERY_MS_MIN, this.state.peek().stepMs),
      isOnce: !("lastMs" in this.#query.range),
      ...{ signal: over.signal, page: document },
    });
    return () => over.abort();
  }

  async #read(signal: AbortSignal): Promise<Pick<StepValuesState, "series" | "fromMs" | "toMs" | "notes">> {
    const { metric, filters, groupBy, aggregation, function: func, range } = this.#query;
    const { stepMs } = this.state.peek();
    return rangeTurns.run(async () => {
      const now = serverNowMs();
      const [fromMs, toMs] = "lastMs" in range ? [now - range.lastMs, now] : [range.fromMs, range.toMs];
      const from = timestampOfMs(Math.floor(fromMs / stepMs) * stepMs);
      const { series, notes } = await dashboardApi.queryRange(
        {
          ...{ metric, filters: { ...filters }, groupBy: [...groupBy], aggregation, function: func },
          ...{ from, stepMs: BigInt(stepMs), ...(!("lastMs" in range) && { to: timestampOfMs(toMs) }) },
        },
        { signal },
      );
      return { series: series.map(stepSeries), fromMs, toMs, notes };
    });
  }
}

function stepSeries({ metric, source, tags, device, unit, timesMs, values }: SeriesRange): StepSeries {
  const named = { metric, source, tags, device, unit };
  return { ...named, key: seriesNameOf(named).key, timesMs, values };
}
