/** What a chart shows: what is stored, and what comes, in one line. */
import { Code, ConnectError } from "@connectrpc/connect";
import { signal, type Signal } from "@preact/signals";
import type { MetricValue } from "../../wire/gen/dashboard_pb.ts";
import type { PlotRange, PlotSeries } from "../charts/plot-model.ts";
import { msOf } from "../format.ts";
import { nowMs, serverNowMs } from "../now.ts";
import {
  isLiveRange,
  lengthMsOf,
  planOf,
  RAW_POINTS_MAX,
  SERIES_MAX,
  type ChartPlan,
  type ChartQuery,
  type ChartRange,
} from "./chart-query.ts";
import { failureOf } from "./failure.ts";
import { gapMinMs, silencesOf } from "./gaps.ts";
import type { Line } from "./line.ts";
import { followLive } from "./live-values.ts";
import type { RangeState } from "./range-state.ts";
import { isTooMany, readRange } from "./read-range.ts";
import { SeriesBook, type HeardValue, type Wanted } from "./series-book.ts";
import { labelsOf } from "./series-labels.ts";
import { seriesNameOf } from "./series-name.ts";

export type { ChartQuery, ChartRange } from "./chart-query.ts";
export type { RangeState } from "./range-state.ts";

/** What was missed is read soon; all of it, since something came late, less often, and ever less while nothing is found. */
const TAIL_PAUSE_MS = 2_000;
const [WHOLE_PAUSE_MS, WHOLE_PAUSE_MAX_MS] = [5_000, 300_000];
const FAILED_PAUSE_MS = 5_000;
/** What came between a reading that is older and the beginning of a stream was missed. */
const ASKED_OLD_MS = 1_000;
const [STEPS_PAUSE_MIN_MS, STEPS_PAUSE_MAX_MS] = [1_000, 15_000];
/** An axis of so many pixels moves on by about one of them at a time. */
const AXIS_PX = 2_000;
const [TICK_MIN_MS, TICK_MAX_MS] = [1_000, 60_000];

type Told = Pick<RangeState, "isRead" | "failure" | "more" | "notes">;
const NOTHING: Told = { isRead: false, failure: undefined, more: 0, notes: [] };

/** Before anything is known. */
export function unread(query: ChartQuery): RangeState {
  const range = shownRange(query.range);
  return { ...NOTHING, series: [], names: [], stepMs: planOf(query).stepMs, range };
}

export class LiveRange {
  readonly state: Signal<RangeState>;
  readonly #query: ChartQuery;
  readonly #plan: ChartPlan;
  readonly #book = new SeriesBook(SERIES_MAX, 3 * RAW_POINTS_MAX);
  readonly #over = new AbortController();
  #unfollow: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #dueMs = Infinity;
  #wholePauseMs = 0;
  #askedMs = -Infinity;
  readonly #gapsMin = new Map<string, { readonly minMs: number; readonly length: number }>();
  #isTop = false;
  #isTold = false;
  #told: Told = NOTHING;
  #toldMs = -Infinity;

  constructor(query: ChartQuery) {
    this.#query = query;
    this.#plan = planOf(query);
    this.state = signal(unread(query));
    void this.#read({ isWhole: true });
    if (!isLiveRange(query.range, serverNowMs())) return;
    const again = setInterval(() => {
      this.#book.wantWhole();
      this.#readSoon();
    }, WHOLE_PAUSE_MAX_MS);
    const tickMs = Math.min(TICK_MAX_MS, Math.max(TICK_MIN_MS, lengthMsOf(query.range) / AXIS_PX));
    // The axis moves on also while nothing comes.
    const untick = nowMs.subscribe(() => performance.now() - this.#toldMs > 0.9 * tickMs && this.#tellSoon());
    this.#over.signal.addEventListener("abort", () => {
      clearInterval(again);
      untick();
    });
  }

  close(): void {
    this.#over.abort();
    clearTimeout(this.#timer);
    this.#unfollow?.();
  }

  #follow(): void {
    if (this.#unfollow !== undefined || !isLiveRange(this.#query.range, serverNowMs())) return;
    if (this.#plan.stepMs > 0 || this.#isTop) this.#unfollow = this.#pollSteps();
    else this.#unfollow = this.#followPoints();
  }

  #followPoints(): () => void {
    const { metric, filters } = this.#query;
    return followLive({
      metric,
      filters,
      onBegin: (values, isAnew) => {
        this.#wholePauseMs = 0;
        const isOld = performance.now() - this.#askedMs > ASKED_OLD_MS;
        this.#heard(() => this.#book.begin(values.flatMap(heardValue), isAnew || isOld));
      },
      onValues: (values) => this.#heard(() => this.#book.hear(values.flatMap(heardValue))),
    });
  }

  #heard(take: () => void): void {
    take();
    this.#readSoon();
    this.#tellSoon();
  }

  /** Steps are asked for again from the last one on: it goes on while points come. */
  #pollSteps(): () => void {
    const { stepMs } = this.#plan;
    const pauseMs = Math.min(STEPS_PAUSE_MAX_MS, Math.max(STEPS_PAUSE_MIN_MS, stepMs / 2));
    const poll = () => {
      if (document.hidden || this.#book.isReading) return;
      if (this.#isTop) this.#book.wantWhole();
      else this.#book.wantTail(this.#earliestLastMs() - stepMs);
      this.#readSoon();
    };
    const timer = setInterval(poll, this.#isTop ? STEPS_PAUSE_MAX_MS : pauseMs);
    // A page that was hidden shows what was.
    document.addEventListener("visibilitychange", poll);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", poll);
    };
  }

  #earliestLastMs(): number {
    // A series that is over would have all of it read each time.
    const sinceMs = serverNowMs() - 4 * this.#plan.stepMs - STEPS_PAUSE_MAX_MS;
    let lastMs = Infinity;
    for (const { line } of this.#book.series) if (line.lastMs >= sinceMs) lastMs = Math.min(lastMs, line.lastMs);
    return lastMs === Infinity ? sinceMs : lastMs;
  }

  #readSoon(): void {
    const wanted = this.#book.wanted();
    if (wanted === undefined || this.#book.isReading || this.#over.signal.aborted) return;
    const isPolled = this.#plan.stepMs > 0;
    const pauseMs = this.#told.failure
      ? FAILED_PAUSE_MS
      : wanted.isWhole
        ? this.#wholePauseMs
        : isPolled
          ? 0
          : TAIL_PAUSE_MS;
    const dueMs = performance.now() + pauseMs;
    // A tail that is due sooner does not wait for all.
    if (this.#timer !== undefined && this.#dueMs <= dueMs) return;
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const now = this.#book.wanted();
      if (now !== undefined && !this.#book.isReading) void this.#read(now);
    }, pauseMs);
  }

  async #read(wanted: Wanted): Promise<void> {
    const { signal } = this.#over;
    this.#book.ask(wanted);
    this.#askedMs = performance.now();
    try {
      const part = wanted.isWhole ? {} : { fromMs: wanted.fromMs };
      const { series, more, notes } = await readRange(this.#query, this.#plan, { ...part, isTop: this.#isTop, signal });
      const found = this.#book.answer(series);
      this.#told = { isRead: true, failure: undefined, more, notes };
      if (wanted.isWhole)
        this.#wholePauseMs =
          found > 0 ? WHOLE_PAUSE_MS : Math.min(WHOLE_PAUSE_MAX_MS, 2 * this.#wholePauseMs || WHOLE_PAUSE_MS);
      this.#follow();
    } catch (error) {
      this.#book.fail();
      if (signal.aborted) return;
      if (!this.#isTop && isTooMany(error)) {
        this.#isTop = true;
        return this.#read(wanted);
      }
      this.#told = { ...this.#told, isRead: true, failure: failureOf(error) };
      // A wrong question stays wrong.
      if (ConnectError.from(error).code === Code.InvalidArgument) return this.#tell();
    }
    this.#tell();
    this.#readSoon();
  }

  /** All that comes at once is told at once. */
  #tellSoon(): void {
    if (this.#isTold || !this.#told.isRead || document.hidden) return;
    this.#isTold = true;
    setTimeout(() => this.#tell());
  }

  #tell(): void {
    this.#isTold = false;
    if (this.#over.signal.aborted) return;
    this.#toldMs = performance.now();
    const range = shownRange(this.#query.range);
    if ("lastMs" in this.#query.range)
      this.#book.forgetBefore(range.fromMs - 0.05 * this.#query.range.lastMs - this.#plan.stepMs);
    const all = [...this.#book.series];
    const endMs = Math.min(range.toMs, serverNowMs());
    const names = all.map(({ name }) => name);
    const labels = labelsOf(names);
    const series = all.map(({ name: { key, unit }, line }, i): PlotSeries => {
      const { timesMs, values } = line;
      const label = labels[i];
      const gaps = silencesOf(timesMs, this.#gapMinMs(key, line), { ...range, toMs: endMs });
      return { key, label, unit, timesMs, values, gaps, ...(line.hasBand && { mins: line.mins, maxs: line.maxs }) };
    });
    this.state.value = { ...this.#told, series, names, stepMs: this.#plan.stepMs, range };
  }

  /** What is usual is reckoned anew where a line has become another. */
  #gapMinMs(key: string, line: Line): number {
    const { length } = line;
    const before = this.#gapsMin.get(key);
    if (before !== undefined && Math.abs(length - before.length) <= before.length / 8) return before.minMs;
    const minMs = gapMinMs(line.timesMs, this.#plan.stepMs);
    this.#gapsMin.set(key, { minMs, length });
    return minMs;
  }
}

function shownRange(range: ChartRange): PlotRange {
  if (!("lastMs" in range)) return range;
  const toMs = serverNowMs();
  return { fromMs: toMs - range.lastMs, toMs };
}

function heardValue(value: MetricValue): HeardValue[] {
  const timeMs = msOf(value.timestamp);
  if (timeMs === undefined) return [];
  const points = Number(value.window?.count ?? 0n);
  return [{ name: seriesNameOf(value), timeMs, value: value.value, points }];
}
