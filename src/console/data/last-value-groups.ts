/** Who wants the last values of which metrics, in as few subscriptions as that takes. */
import type { MetricValue } from "../../wire/gen/dashboard_pb.ts";
import type { Aggregation } from "../../wire/gen/history_pb.ts";
import { isGlob } from "../../model/glob.ts";
import { msOf } from "../format.ts";
import { seriesNameOf } from "./series-name.ts";
import type { LastValue } from "./series-values.ts";

export interface LastValuesQuery {
  /** Exact name or glob. */
  readonly metric: string;
  readonly filters: Readonly<Record<string, string>>;
  readonly groupBy: readonly string[];
  /** 0: every series by itself, if nothing is grouped. */
  readonly aggregation: Aggregation;
}

/** By key. */
type Listener = (values: ReadonlyMap<string, LastValue>) => void;

/** What differs in nothing but the names of its metrics, together. */
export interface GroupQuery extends Omit<LastValuesQuery, "metric"> {
  readonly metrics: readonly string[];
}

/** Follows a subscription; each opening of it, counted by `opening`, begins with all values, perhaps in several messages. Returns what stops it. */
export type Subscribe = (
  query: GroupQuery,
  onValues: (values: readonly MetricValue[], opening: number) => void,
) => () => void;

export class LastValueGroups {
  readonly #subscribe: Subscribe;
  readonly #groups = new Map<string, Group>();

  constructor(subscribe: Subscribe) {
    this.#subscribe = subscribe;
  }

  /** Calls back at once where values are known, and whenever some change. Returns what stops it. */
  follow(query: LastValuesQuery, onChange: Listener): () => void {
    const { metric, filters, groupBy, aggregation } = query;
    // Which of its values a glob takes only the server knows.
    const own = isGlob(metric) ? metric : "";
    const key = JSON.stringify([own, Object.entries(filters).sort(), groupBy, aggregation]);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = new Group(query, own !== "", this.#subscribe, () => this.#groups.delete(key));
      this.#groups.set(key, group);
    }
    return group.listen(metric, onChange);
  }
}

/** What one subscription brings. */
class Group {
  readonly #query: LastValuesQuery;
  readonly #isOfOne: boolean;
  readonly #subscribe: Subscribe;
  readonly #onEmpty: () => void;
  readonly #wanted = new Map<string, Set<Listener>>();
  readonly #values = new Map<string, Map<string, LastValue>>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #unfollow = () => {};

  constructor(query: LastValuesQuery, isOfOne: boolean, subscribe: Subscribe, onEmpty: () => void) {
    [this.#query, this.#isOfOne, this.#subscribe, this.#onEmpty] = [query, isOfOne, subscribe, onEmpty];
  }

  listen(metric: string, onChange: Listener): () => void {
    const listeners = this.#wanted.get(metric) ?? new Set();
    listeners.add(onChange);
    if (!this.#wanted.has(metric)) {
      this.#wanted.set(metric, listeners);
      // Panels of a page appear together.
      this.#timer ??= setTimeout(() => this.#begin());
    }
    const known = this.#values.get(metric);
    if (known !== undefined) onChange(known);
    return () => {
      if (!listeners.delete(onChange) || listeners.size > 0) return;
      this.#wanted.delete(metric);
      this.#values.delete(metric);
      if (this.#wanted.size > 0) return;
      clearTimeout(this.#timer);
      this.#unfollow();
      this.#onEmpty();
    };
  }

  #begin(): void {
    this.#timer = undefined;
    this.#unfollow();
    const { filters, groupBy, aggregation } = this.#query;
    const asked = { metrics: [...this.#wanted.keys()], filters, groupBy, aggregation };
    let begun: number | undefined;
    this.#unfollow = this.#subscribe(asked, (values, opening) => {
      this.#hear(values, opening !== begun);
      begun = opening;
    });
  }

  #hear(metrics: readonly MetricValue[], isAnew: boolean): void {
    const changed = new Map<string, Map<string, LastValue>>();
    if (isAnew) for (const metric of this.#wanted.keys()) changed.set(metric, new Map());
    for (const each of metrics) {
      const name = this.#isOfOne ? this.#query.metric : each.metric;
      if (!this.#wanted.has(name)) continue;
      if (!changed.has(name)) changed.set(name, new Map(this.#values.get(name)));
      const value = lastValueOf(each);
      changed.get(name)!.set(value.key, value);
    }
    for (const [name, values] of changed) {
      this.#values.set(name, values);
      for (const onChange of this.#wanted.get(name) ?? []) onChange(values);
    }
  }
}

function lastValueOf({ metric, source, tags, device, unit, value, stale, timestamp }: MetricValue): LastValue {
  // Of a group both stand in its tags, as in what is stored of it.
  const ids = { source: source || (tags["source"] ?? ""), device: device || (tags["device"] ?? "") };
  const named = { metric, ...ids, tags, unit };
  return { ...named, key: seriesNameOf(named).key, value, timeMs: msOf(timestamp) ?? NaN, isStale: stale };
}
