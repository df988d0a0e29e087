/** Values as they come, over one subscription for all charts of a page that begin together and have the same filters. */
import type { DashboardData, MetricValue } from "../../wire/gen/dashboard_pb.ts";
import { compileGlob, isGlob } from "../../model/glob.ts";
import { dashboardApi } from "../api.ts";
import { follow } from "../follow.ts";

export interface LiveListener {
  /** Exact name or glob. */
  readonly metric: string;
  readonly filters: Readonly<Record<string, string>>;
  /** What stands. `isAnew`: the stream could not be opened, or was broken; what came meanwhile was missed. */
  onBegin(values: readonly MetricValue[], isAnew: boolean): void;
  onValues(values: readonly MetricValue[]): void;
}

const UPDATE_MS = 1_000;
/** Charts of one page come one after the other. */
const GATHERED_MS = 30;
const NAMES_MAX = 500;
const streams = new Set<Stream>();

/** Returns what stops it. */
export function followLive(listener: LiveListener): () => void {
  const key = JSON.stringify(Object.entries(listener.filters).sort());
  let stream = [...streams].find((each) => each.key === key && each.takes(listener.metric));
  if (stream === undefined) streams.add((stream = new Stream(key, listener.filters)));
  return stream.add(listener);
}

/** What it follows stays what it was when it began: to begin anew would leave out what comes between. */
class Stream {
  readonly key: string;
  readonly #filters: Readonly<Record<string, string>>;
  readonly #listeners = new Set<LiveListener>();
  readonly #metrics = new Set<string>();
  readonly #timer: ReturnType<typeof setTimeout>;
  #stop: (() => void) | undefined;
  /** How often it was opened, and which of these has begun. */
  #opened = 0;
  #begun = 0;

  constructor(key: string, filters: Readonly<Record<string, string>>) {
    [this.key, this.#filters] = [key, filters];
    this.#timer = setTimeout(() => this.#start(), GATHERED_MS);
  }

  takes(metric: string): boolean {
    return this.#metrics.has(metric) || (this.#stop === undefined && this.#metrics.size < NAMES_MAX);
  }

  add(listener: LiveListener): () => void {
    this.#listeners.add(listener);
    this.#metrics.add(listener.metric);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearTimeout(this.#timer);
      this.#stop?.();
      streams.delete(this);
    };
  }

  #start(): void {
    const names = { metricNames: [...this.#metrics], filters: { ...this.#filters } };
    this.#stop = follow(
      (options) => {
        this.#opened++;
        return dashboardApi.subscribeMetrics({ ...names, updateIntervalMs: UPDATE_MS, windowStats: true }, options);
      },
      (data) => this.#hear(data),
      { what: "values of charts" },
    );
  }

  #hear({ metrics, snapshot }: DashboardData): void {
    // A large snapshot comes in several messages.
    const isAnew = snapshot && this.#opened > 1 && this.#begun < this.#opened;
    if (snapshot) this.#begun = this.#opened;
    const byMetric = Map.groupBy(metrics, ({ metric }) => metric);
    for (const listener of this.#listeners) {
      const values = valuesFor(listener.metric, byMetric);
      if (snapshot) listener.onBegin(values, isAnew);
      else if (values.length > 0) listener.onValues(values);
    }
  }
}

function valuesFor(metric: string, byMetric: ReadonlyMap<string, readonly MetricValue[]>): readonly MetricValue[] {
  if (!isGlob(metric)) return byMetric.get(metric) ?? [];
  const isMeant = compileGlob(metric);
  return [...byMetric].filter(([name]) => isMeant(name)).flatMap(([, values]) => values);
}
