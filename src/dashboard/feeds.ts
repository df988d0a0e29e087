/** All feeds: found by what they mean, told of new series and of the points they watch. */
import { WatchpostError } from "../model/errors.ts";
import type { Frame } from "../model/frame.ts";
import { matchingSeries } from "../model/matcher.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import { encodeConstants } from "./encode.ts";
import { Feed, type FeedDeps } from "./feed.ts";
import type { FeedSpec } from "./subscription.ts";

/** Encoded names kept; past it all are forgotten and made again. */
const CONSTANTS_MAX = 200_000;

export interface FeedsDeps extends Pick<FeedDeps, "latest" | "clock" | "staleAfterMs"> {
  readonly registry: SeriesRegistry;
  readonly subscriptionsMax: number;
  /** Of all feeds together: a series counts once in each. */
  readonly seriesMax: number;
  /** Of the sensor of a series, by its key; "": none is known. */
  unitOf(key: string): string;
  /** A series that a feed means could not join it. */
  onLeftOut(): void;
}

export class Feeds {
  readonly #deps: FeedsDeps;
  readonly #byKey = new Map<string, Feed>();
  /** Feeds that hear of every point, by series id. */
  readonly #watching: (Feed[] | undefined)[] = [];
  readonly #constants = new Map<number, Uint8Array>();
  readonly #stopListening: readonly (() => void)[];
  #due: (() => void)[] = [];
  #readers = 0;
  #series = 0;

  constructor(deps: FeedsDeps) {
    this.#deps = deps;
    const { registry } = deps;
    this.#stopListening = [
      registry.onAdded((id, metric) => this.#onSeries(id, metric)),
      registry.onForgotten((ids) => this.#onForgotten(ids)),
    ];
  }

  get readers(): number {
    return this.#readers;
  }

  get feeds(): number {
    return this.#byKey.size;
  }

  /** The feed for a subscription; to be given back with {@link leave}. Throws RESOURCE_EXHAUSTED past the limit. */
  join(spec: FeedSpec): Feed {
    if (this.#readers >= this.#deps.subscriptionsMax)
      throw full(`there are ${this.#readers} subscriptions, the limit (live.subscriptions_max)`);
    const feed = this.#byKey.get(spec.key) ?? this.#open(spec);
    feed.readers++;
    this.#readers++;
    return feed;
  }

  leave(feed: Feed): void {
    this.#readers--;
    if (--feed.readers > 0) return;
    feed.close();
    this.#series -= feed.ids.length;
    this.#byKey.delete(feed.spec.key);
    if (!feed.isWatching) return;
    for (const id of feed.ids) {
      const left = this.#watching[id]?.filter((other) => other !== feed);
      this.#watching[id] = left && left.length > 0 ? left : undefined;
      if (this.#watching[id] === undefined) this.#deps.latest.watched[id] = 0;
    }
  }

  /** Takes a committed frame, then lets out the updates that are due at once. */
  apply(frame: Frame): void {
    const { latest, clock } = this.#deps;
    latest.apply(frame, clock.monotonicMs(), (id, timeUs, value, isLate) => {
      for (const feed of this.#watching[id]!) feed.point(id, timeUs, value, isLate);
    });
    if (this.#due.length === 0) return;
    const due = this.#due;
    this.#due = [];
    for (const run of due) run();
  }

  /** Updates from now on say the units of these series as they are now. */
  unitsChanged(seriesIds: Iterable<number>): void {
    for (const id of seriesIds) this.#constants.delete(id);
  }

  close(): void {
    for (const stop of this.#stopListening) stop();
    for (const feed of this.#byKey.values()) feed.close();
  }

  #open(spec: FeedSpec): Feed {
    const { registry, seriesMax } = this.#deps;
    const ids = matchingSeries(registry, spec.matcher);
    if (this.#series + ids.length > seriesMax) {
      const others = `the other subscriptions watch ${this.#series}`;
      throw full(`${ids.length} series match and ${others}; the limit is ${seriesMax} together (live.series_max)`);
    }
    const feed = new Feed(spec, {
      ...this.#deps,
      constantsOf: (id) => this.#constantsOf(id),
      identityOf: (id) => registry.identityOf(id),
      soon: (run) => void this.#due.push(run),
      reserve: (series) => {
        const fits = this.#series + series <= seriesMax;
        if (fits) this.#series += series;
        return fits;
      },
      release: (series) => void (this.#series -= series),
    });
    this.#byKey.set(spec.key, feed);
    for (const id of ids) this.#add(feed, id);
    return feed;
  }

  #onSeries(id: number, metric: string): void {
    for (const feed of this.#byKey.values()) {
      const { matcher } = feed.spec;
      if (!matcher.matchesMetric(metric) || !matcher.matchesIdentity(this.#deps.registry.identityOf(id))) continue;
      if (this.#series < this.#deps.seriesMax) this.#add(feed, id);
      else this.#deps.onLeftOut();
    }
  }

  /** They have no value any more, so that no feed sends them; their room is free again when their feeds end. */
  #onForgotten(ids: readonly number[]): void {
    this.#deps.latest.forget(ids);
    for (const id of ids) this.#constants.delete(id);
  }

  #add(feed: Feed, id: number): void {
    feed.add(id);
    this.#series++;
    if (!feed.isWatching) return;
    this.#deps.latest.watched[id] = 1;
    const watching = this.#watching[id];
    if (watching) watching.push(feed);
    else this.#watching[id] = [feed];
  }

  #constantsOf(id: number): Uint8Array {
    let constants = this.#constants.get(id);
    if (constants === undefined) {
      if (this.#constants.size >= CONSTANTS_MAX) this.#constants.clear();
      const { registry, unitOf } = this.#deps;
      constants = encodeConstants(registry.identityOf(id), unitOf(registry.keyOf(id)));
      this.#constants.set(id, constants);
    }
    return constants;
  }
}

function full(reason: string): WatchpostError {
  return new WatchpostError("RESOURCE_EXHAUSTED", `${reason}; try again later`, { retryAfterMs: 5_000 });
}
