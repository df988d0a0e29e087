/** Values as they come, over one subscription for all charts of a page that have the same filters. */
import type { DashboardData, MetricValue } from "../../wire/gen/dashboard_pb.ts";
import { dashboardApi } from "../api.ts";
import { follow } from "../follow.ts";

export interface LiveListener {
  /** Exact name or glob. */
  readonly metric: string;
  readonly filters: Readonly<Record<string, string>>;
  /** What stands now: the stream has begun, also anew. What came before it may have been missed. */
  onBegin(values: readonly MetricValue[]): void;
  /** `isWhole`: no value between these and those before was left out. */
  onValues(values: readonly MetricValue[], isWhole: boolean): void;
}

const UPDATE_MS = 1_000;
/** Charts of one page come one after the other. */
const GATHERED_MS = 30;
const hubs = new Map<string, Hub>();

/** Returns what stops it. */
export function followLive(listener: LiveListener): () => void {
  const key = JSON.stringify(Object.entries(listener.filters).sort());
  let hub = hubs.get(key);
  if (hub === undefined) hubs.set(key, (hub = new Hub(listener.filters, () => hubs.delete(key))));
  return hub.add(listener);
}

class Hub {
  readonly #filters: Readonly<Record<string, string>>;
  readonly #onEmpty: () => void;
  readonly #listeners = new Set<LiveListener>();
  #followed: ReadonlySet<string> = new Set();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stop: () => void = () => {};

  constructor(filters: Readonly<Record<string, string>>, onEmpty: () => void) {
    [this.#filters, this.#onEmpty] = [filters, onEmpty];
  }

  add(listener: LiveListener): () => void {
    this.#listeners.add(listener);
    if (this.#followed.has(listener.metric)) listener.onBegin([]);
    else this.#restartSoon();
    return () => {
      this.#listeners.delete(listener);
      // What is followed beyond what is wanted goes with the next beginning.
      if (this.#listeners.size > 0) return;
      clearTimeout(this.#timer);
      this.#stop();
      this.#onEmpty();
    };
  }

  #restartSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#restart();
    }, GATHERED_MS);
  }

  #restart(): void {
    this.#stop();
    this.#followed = new Set([...this.#listeners].map(({ metric }) => metric));
    const metricNames = [...this.#followed];
    const subscription = { metricNames, filters: { ...this.#filters }, updateIntervalMs: UPDATE_MS, windowStats: true };
    this.#stop = follow(
      (options) => dashboardApi.subscribeMetrics(subscription, options),
      (data) => this.#hear(data),
    );
  }

  #hear({ metrics, snapshot, conflated }: DashboardData): void {
    const byMetric = Map.groupBy(metrics, ({ metric }) => metric);
    for (const listener of this.#listeners) {
      const values = valuesFor(listener.metric, byMetric);
      if (snapshot) listener.onBegin(values);
      else if (values.length > 0) listener.onValues(values, conflated === 0n);
    }
  }
}

function valuesFor(metric: string, byMetric: ReadonlyMap<string, readonly MetricValue[]>): readonly MetricValue[] {
  const isGlob = /[*?|]/.test(metric);
  if (!isGlob) return byMetric.get(metric) ?? [];
  const pattern = globPattern(metric);
  return [...byMetric].filter(([name]) => pattern.test(name)).flatMap(([, values]) => values);
}

const patterns = new Map<string, RegExp>();

/** *, ? and alternatives with |, of the whole name. */
export function globPattern(glob: string): RegExp {
  let pattern = patterns.get(glob);
  if (pattern === undefined) {
    const escaped = glob
      .replace(/[.+^${}()[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".");
    patterns.set(glob, (pattern = new RegExp(`^(?:${escaped})$`, "s")));
  }
  return pattern;
}
