/** What a chart shows: what is stored, and what comes, in one line. */
import { Code, ConnectError } from "@connectrpc/connect";
import { signal } from "@preact/signals";
import type { MetricValue } from "../../wire/gen/dashboard_pb.ts";
import type { SeriesRange } from "../../wire/gen/history_pb.ts";
import type { PlotSeries } from "../charts/plot-model.ts";
import { dashboardApi } from "../api.ts";
import { msOf } from "../format.ts";
import { lengthMsOf, planOf, requestOf, SERIES_MAX, type ChartPlan, type ChartQuery } from "./chart-query.ts";
import { Line, type Points } from "./line.ts";
import { followLive } from "./live-values.ts";

export type { ChartQuery } from "./chart-query.ts";

export interface RangeState {
  readonly series: readonly PlotSeries[];
  readonly isRead: boolean;
  /** "": the last reading succeeded. */
  readonly failure: string;
  readonly stepMs: number;
}

interface Named {
  readonly metric: string;
  readonly source: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly device: string;
}

interface KnownSeries {
  readonly key: string;
  readonly label: string;
  readonly unit: string;
  line: Line;
}

/** After what was missed, or came late, history is read again, but not more often. */
const [TAIL_PAUSE_MS, WHOLE_PAUSE_MS] = [2_000, 15_000];
const WHOLE_EVERY_MS = 300_000;
const [STEPS_PAUSE_MIN_MS, STEPS_PAUSE_MAX_MS] = [1_000, 15_000];
const NOTHING: RangeState = { series: [], isRead: false, failure: "", stepMs: 0 };

export class LiveRange {
  readonly state = signal(NOTHING);
  readonly #query: ChartQuery;
  readonly #plan: ChartPlan;
  readonly #over = new AbortController();
  #known = new Map<string, KnownSeries>();
  /** Values that came while history was read: they are newer than what it says. */
  #early: MetricValue[] | undefined;
  #isRead = false;
  #failure = "";
  #isDue = false;
  /** What is read next, and when: everything, or from a time on. */
  #wanted: { fromMs: number; isWhole: boolean } | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isReading = false;

  constructor(query: ChartQuery) {
    this.#query = query;
    this.#plan = planOf(query);
    const { range } = query;
    const isLive = "lastMs" in range || range.toMs > Date.now();
    this.#want({ fromMs: -Infinity, isWhole: true }, 0);
    if (!isLive) return;
    const stops = [this.#plan.stepMs > 0 ? this.#followSteps() : this.#followPoints()];
    const again = setInterval(() => this.#want({ fromMs: -Infinity, isWhole: true }, 0), WHOLE_EVERY_MS);
    this.#over.signal.addEventListener("abort", () => {
      clearInterval(again);
      for (const stop of stops) stop();
    });
  }

  close(): void {
    this.#over.abort();
    clearTimeout(this.#timer);
  }

  #followPoints(): () => void {
    const { metric, filters } = this.#query;
    let hasBegun = false;
    return followLive({
      metric,
      filters,
      onBegin: (values) => {
        // Between two streams there may have been more than what stands now.
        if (hasBegun) this.#want({ fromMs: this.#lastMs(), isWhole: false }, 0);
        hasBegun = true;
        this.#hear(values, true);
      },
      onValues: (values, isWhole) => this.#hear(values, isWhole),
    });
  }

  #followSteps(): () => void {
    const { stepMs } = this.#plan;
    const pauseMs = Math.min(STEPS_PAUSE_MAX_MS, Math.max(STEPS_PAUSE_MIN_MS, stepMs / 2));
    const timer = setInterval(() => {
      if (document.hidden) return;
      const lastMs = this.#lastMs();
      this.#want({ fromMs: Number.isFinite(lastMs) ? lastMs - stepMs : -Infinity, isWhole: false }, 0);
    }, pauseMs);
    return () => clearInterval(timer);
  }

  #hear(values: readonly MetricValue[], isWhole: boolean): void {
    this.#early?.push(...values);
    let missedFromMs = Infinity;
    let isLate = false;
    for (const value of values) {
      const timeMs = msOf(value.timestamp);
      if (timeMs === undefined || value.stale) continue;
      const before = this.#known.get(keyOf(value))?.line.lastMs ?? NaN;
      const count = Number(value.window?.count ?? 0n);
      if (!isWhole || count > 1) missedFromMs = Math.min(missedFromMs, Number.isNaN(before) ? timeMs : before);
      else if (count === 1 && timeMs === before) isLate = true;
    }
    this.#take(values);
    if (missedFromMs < Infinity) this.#want({ fromMs: missedFromMs, isWhole: false }, TAIL_PAUSE_MS);
    if (isLate) this.#want({ fromMs: -Infinity, isWhole: true }, WHOLE_PAUSE_MS);
    this.#tellSoon();
  }

  #take(values: readonly MetricValue[]): void {
    for (const value of values) {
      const timeMs = msOf(value.timestamp);
      if (timeMs === undefined || value.stale) continue;
      const points = { timesMs: [timeMs], values: [value.value] };
      const key = keyOf(value);
      const known = this.#known.get(key);
      if (known !== undefined) known.line.merge(points);
      else if (this.#known.size < SERIES_MAX && this.#isRead)
        this.#known.set(key, knownSeries(value, new Line(points)));
    }
  }

  /** The earliest of the series' last times; NaN where there is none. */
  #lastMs(): number {
    let lastMs = Infinity;
    for (const { line } of this.#known.values()) if (line.length > 0) lastMs = Math.min(lastMs, line.lastMs);
    return lastMs === Infinity ? NaN : lastMs;
  }

  #want(wanted: { fromMs: number; isWhole: boolean }, pauseMs: number): void {
    const before = this.#wanted;
    this.#wanted = {
      fromMs: Math.min(wanted.fromMs, before?.fromMs ?? Infinity),
      isWhole: wanted.isWhole || before?.isWhole === true || Number.isNaN(wanted.fromMs),
    };
    if (this.#isReading || (this.#timer !== undefined && before !== undefined && pauseMs > 0)) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#read(), pauseMs);
  }

  async #read(): Promise<void> {
    this.#timer = undefined;
    const { isWhole, fromMs } = this.#wanted!;
    this.#wanted = undefined;
    this.#isReading = true;
    this.#early = [];
    try {
      const answers = await this.#ask(isWhole ? undefined : { fromMs: Math.max(0, fromMs) });
      this.#absorb(answers, isWhole);
      this.#take(this.#early);
      [this.#isRead, this.#failure] = [true, ""];
    } catch (error) {
      if (this.#over.signal.aborted) return;
      [this.#isRead, this.#failure] = [true, ConnectError.from(error).rawMessage];
      // What cannot be read now is read later, unless the question itself is wrong.
      if (ConnectError.from(error).code !== Code.InvalidArgument && "lastMs" in this.#query.range)
        this.#wanted = { fromMs, isWhole };
    }
    this.#early = undefined;
    this.#isReading = false;
    if (this.#wanted !== undefined) {
      const next = this.#wanted as { fromMs: number; isWhole: boolean };
      this.#timer = setTimeout(() => void this.#read(), next.isWhole ? WHOLE_PAUSE_MS : TAIL_PAUSE_MS);
    }
    this.#tell();
  }

  /** Values, and with a band minimum and maximum beside them. */
  async #ask(span: { fromMs: number } | undefined): Promise<SeriesRange[][]> {
    const { signal } = this.#over;
    const functions = this.#plan.hasBand ? ([this.#query.function, "min", "max"] as const) : [this.#query.function];
    const answers = functions.map((func) =>
      dashboardApi.queryRange(requestOf(this.#query, this.#plan, func, span), { signal }),
    );
    return (await Promise.all(answers)).map(({ series }) => series);
  }

  #absorb([values, mins, maxs]: readonly SeriesRange[][], isWhole: boolean): void {
    const before = this.#known;
    if (isWhole) this.#known = new Map();
    const bands = new Map<string, { mins?: SeriesRange; maxs?: SeriesRange }>();
    for (const each of mins ?? []) bands.set(keyOf(each), { mins: each });
    for (const each of maxs ?? []) bands.set(keyOf(each), { ...bands.get(keyOf(each)), maxs: each });
    for (const each of values) {
      const key = keyOf(each);
      const points = pointsOf(each, bands.get(key));
      const known = this.#known.get(key);
      if (known !== undefined) known.line.merge(points);
      else if (isWhole || this.#known.size < SERIES_MAX)
        this.#known.set(key, { ...(before.get(key) ?? knownSeries(each, undefined)), line: new Line(points) });
    }
  }

  #tellSoon(): void {
    if (this.#isDue || !this.#isRead) return;
    this.#isDue = true;
    setTimeout(() => this.#tell());
  }

  #tell(): void {
    this.#isDue = false;
    if (this.#over.signal.aborted) return;
    const { range } = this.#query;
    if ("lastMs" in range)
      for (const { line } of this.#known.values()) line.forgetBefore(Date.now() - lengthMsOf(range) * 1.1);
    const series = [...this.#known.values()].map(({ key, label, unit, line }): PlotSeries => {
      const { timesMs, values } = line;
      return { key, label, unit, timesMs, values, ...(line.hasBand && { mins: line.mins, maxs: line.maxs }) };
    });
    this.state.value = { series, isRead: this.#isRead, failure: this.#failure, stepMs: this.#plan.stepMs };
  }
}

/** A band only where it has a step for each value: between two questions another point may have come. */
function pointsOf(values: SeriesRange, band: { mins?: SeriesRange; maxs?: SeriesRange } | undefined): Points {
  const { timesMs } = values;
  const columnOf = (other: SeriesRange | undefined) =>
    other?.timesMs.length === timesMs.length ? other.values : values.values;
  if (band === undefined) return { timesMs, values: values.values };
  return { timesMs, values: values.values, mins: columnOf(band.mins), maxs: columnOf(band.maxs) };
}

function knownSeries(named: Named & { readonly unit: string }, line: Line | undefined): KnownSeries {
  return { key: keyOf(named), label: labelOf(named), unit: named.unit, line: line ?? new Line() };
}

export function keyOf({ metric, source, tags }: Omit<Named, "device">): string {
  return JSON.stringify([metric, source, Object.entries(tags).sort()]);
}

export function labelOf({ source, device, tags }: Named): string {
  const others = Object.entries(tags).filter(([name]) => name !== "device");
  return [device || source, ...others.map(([name, value]) => `${name}=${value}`)].join(" ");
}
