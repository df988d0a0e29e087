/** All feeds: found by what they mean, told of new series and of the points they watch. */
import { WatchpostError } from "../model/errors.ts";
import type { Frame } from "../model/frame.ts";
import { matchingSeries, type SeriesMatcher } from "../model/matcher.ts";
import { deviceOfKey, metricOfKey } from "../model/series-key.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { SeriesScopes } from "../model/series-scopes.ts";
import { encodeConstants } from "./encode.ts";
import { Feed, type FeedDeps } from "./feed.ts";
import { SlicedWork, type Work } from "./sliced-work.ts";
import type { FeedSpec } from "./subscription.ts";

/** Encoded names kept; past it all are forgotten and made again. */
const CONSTANTS_MAX = 200_000;
/** Devices that move meanwhile are looked for together. */
const MOVES_HOLD_MS = 200;
const SERIES_PER_CHECK = 64;

export interface FeedsDeps extends Pick<FeedDeps, "latest" | "clock" | "staleAfterMs"> {
  readonly registry: SeriesRegistry;
  readonly scopes: Pick<SeriesScopes, "seesSeries" | "onMoved">;
  readonly subscriptionsMax: number;
  /** Of all feeds together: a series counts once in each. */
  readonly seriesMax: number;
  /** Of the sensor of a series, by its key; "": none is known. */
  unitOf(key: string): string;
  /** A series that a feed means could not join it. */
  onLeftOut(): void;
  /** Somebody looks at what it matches, also on other nodes, until what it returns is called. Left out: there are no other nodes. */
  want?: ((matcher: SeriesMatcher) => () => void) | undefined;
}

export class Feeds {
  readonly #deps: FeedsDeps;
  readonly #byKey = new Map<string, Feed>();
  readonly #wants = new WeakMap<Feed, () => void>();
  /** Feeds that hear of every point, by series id. */
  readonly #watching: (Feed[] | undefined)[] = [];
  readonly #constants = new Map<number, Uint8Array>();
  readonly #stopListening: readonly (() => void)[];
  /** Devices whose series may be in other feeds now. */
  #moved = new Set<string>();
  #isLooking = false;
  #cancelLook = () => {};
  readonly #closing = new AbortController();
  #due: (() => void)[] = [];
  #readers = 0;
  #series = 0;

  constructor(deps: FeedsDeps) {
    this.#deps = deps;
    const { registry, scopes } = deps;
    this.#stopListening = [
      scopes.onMoved((deviceId) => this.#onMoved(deviceId)),
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

  /** Others have subscribed to the same. */
  isOpen({ key }: FeedSpec): boolean {
    return this.#byKey.has(key);
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
    this.#wants.get(feed)?.();
    for (const id of feed.ids) this.#unwatch(feed, id);
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
    this.#closing.abort();
    this.#cancelLook();
    for (const feed of this.#byKey.values()) feed.close();
  }

  #open(spec: FeedSpec): Feed {
    const { registry, seriesMax, scopes } = this.#deps;
    const found = matchingSeries(registry, spec.matcher);
    const ids = spec.scope.isEverything ? found : found.filter(scopes.seesSeries(spec.scope));
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
    const { want } = this.#deps;
    if (want !== undefined) this.#wants.set(feed, want(spec.matcher));
    return feed;
  }

  #onSeries(id: number, metric: string): void {
    for (const feed of this.#byKey.values()) {
      const { matcher, scope } = feed.spec;
      if (!matcher.matchesMetric(metric) || !matcher.matchesIdentity(this.#deps.registry.identityOf(id))) continue;
      if (!this.#deps.scopes.seesSeries(scope)(id)) continue;
      if (this.#series < this.#deps.seriesMax) this.#add(feed, id);
      else this.#deps.onLeftOut();
    }
  }

  #onMoved(deviceId: string): void {
    if (!this.#narrowed().next().done) this.#moved.add(deviceId);
    if (this.#moved.size > 0 && !this.#isLooking) this.#lookLater();
  }

  /** Feeds of those who do not see everything. */
  *#narrowed(): Generator<Feed, void> {
    for (const feed of this.#byKey.values()) if (!feed.spec.scope.isEverything) yield feed;
  }

  #lookLater(): void {
    this.#isLooking = true;
    this.#cancelLook = this.#deps.clock.after(MOVES_HOLD_MS, () => void this.#look());
  }

  async #look(): Promise<void> {
    const { clock } = this.#deps;
    const { signal } = this.#closing;
    const moved = this.#moved;
    this.#moved = new Set();
    try {
      // Of its own: it may not be refused since others ask too much.
      await new SlicedWork(() => clock.monotonicMs()).run(this.#follow(moved), signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.#isLooking = false;
      if (this.#moved.size > 0 && !signal.aborted) this.#lookLater();
    }
  }

  /** Takes the series of devices that have moved into the feeds that they are in now, and out of others. */
  *#follow(moved: ReadonlySet<string>): Work<void> {
    const { registry } = this.#deps;
    const changed = new Set<Feed>();
    for (let id = 1; id < registry.idEnd; id++) {
      if (id % SERIES_PER_CHECK === 0) yield;
      if (!registry.has(id) || !moved.has(deviceOfKey(registry.keyOf(id)))) continue;
      for (const feed of this.#narrowed()) if (this.#move(feed, id)) changed.add(feed);
    }
    for (const feed of changed) feed.push();
  }

  /** False where it stays. */
  #move(feed: Feed, id: number): boolean {
    const { registry, scopes, seriesMax, onLeftOut } = this.#deps;
    const { matcher, scope } = feed.spec;
    const key = registry.keyOf(id);
    if (!matcher.matchesMetric(metricOfKey(key)) || !matcher.matchesKey(key)) return false;
    const standing = feed.standingOf(id);
    if (scopes.seesSeries(scope)(id) === (standing === "in")) return false;
    if (standing === "in") {
      feed.moveOut(id);
      this.#unwatch(feed, id);
    } else if (standing === "none" && this.#series >= seriesMax) {
      onLeftOut();
      return false;
    } else {
      feed.moveIn(id);
      if (standing === "none") this.#series++;
      this.#watch(feed, id);
    }
    return true;
  }

  /** They have no value any more, so that no feed sends them; their room is free again when their feeds end. */
  #onForgotten(ids: readonly number[]): void {
    this.#deps.latest.forget(ids);
    for (const id of ids) this.#constants.delete(id);
  }

  #add(feed: Feed, id: number): void {
    feed.add(id);
    this.#series++;
    this.#watch(feed, id);
  }

  #watch(feed: Feed, id: number): void {
    if (!feed.isWatching) return;
    this.#deps.latest.watched[id] = 1;
    const watching = this.#watching[id];
    if (watching) watching.push(feed);
    else this.#watching[id] = [feed];
  }

  #unwatch(feed: Feed, id: number): void {
    if (!feed.isWatching) return;
    const left = this.#watching[id]?.filter((other) => other !== feed);
    this.#watching[id] = left && left.length > 0 ? left : undefined;
    if (this.#watching[id] === undefined) this.#deps.latest.watched[id] = 0;
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
