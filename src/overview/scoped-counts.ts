/** What is counted for those who see a part of the server: their series, and the points of these lately. Only while somebody asks. */
import type { Bus } from "../bus/bus.ts";
import type { Scope } from "../model/access.ts";
import type { Clock } from "../model/clock.ts";
import type { Frame } from "../model/frame.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { SeesSeries, SeriesScopes } from "../model/series-scopes.ts";
import type { Counts } from "./counts.ts";
import { RecentCounts } from "./recent-counts.ts";

export interface ScopedCountsDeps {
  readonly registry: Pick<SeriesRegistry, "idEnd" | "has">;
  readonly scopes: Pick<SeriesScopes, "seesSeries">;
  readonly bus: Pick<Bus, "subscribe">;
  readonly clock: Clock;
  /** Lets others have a turn. */
  pause(): Promise<void>;
}

export interface CountedInScope {
  readonly series: number;
  /** Over the last ten seconds, or since somebody asked first. */
  readonly pointsPerS: number;
  readonly recentPointsPerS: readonly number[];
}

interface Counting {
  readonly sees: SeesSeries;
  readonly recent: RecentCounts;
  points: number;
  askedAtMs: number;
  series: { readonly atMs: number; readonly count: Promise<number> } | undefined;
}

/** Of others no rates are known. */
const SCOPES_MAX = 16;
/** Longer than the longest interval of whoever watches. */
const KEPT_MS = 150_000;
const LOOK_EVERY_MS = 1_000;
const SERIES_EVERY_MS = 5_000;
const SERIES_AT_ONCE = 20_000;
/** Of a larger frame so many points stand for all. */
const POINTS_LOOKED_AT = 2_048;
const GOLDEN = (Math.sqrt(5) - 1) / 2;
const NOTHING: Omit<Counts, "atMs"> = { points: 0, batches: 0, refusedOf: new Map(), readingAge: [], commit: [] };

export class ScopedCounts {
  readonly #deps: ScopedCountsDeps;
  /** By the scope's key. */
  readonly #counting = new Map<string, Counting>();
  #stop: (() => void) | undefined;

  constructor(deps: ScopedCountsDeps) {
    this.#deps = deps;
  }

  async of(scope: Scope): Promise<CountedInScope> {
    const counting = this.#countingOf(scope);
    if (counting === undefined) {
      return { series: await this.#seriesIn(scope), pointsPerS: 0, recentPointsPerS: [] };
    }
    const atMs = this.#deps.clock.monotonicMs();
    counting.askedAtMs = atMs;
    counting.recent.add({ ...NOTHING, atMs, points: counting.points });
    if (counting.series === undefined || atMs - counting.series.atMs >= SERIES_EVERY_MS) {
      counting.series = { atMs, count: this.#seriesIn(scope) };
    }
    const series = await counting.series.count;
    const { recent } = counting;
    return { series, pointsPerS: recent.perS("points"), recentPointsPerS: recent.recentPointsPerS };
  }

  /** Idempotent. */
  close(): void {
    this.#counting.clear();
    this.#stop?.();
    this.#stop = undefined;
  }

  #countingOf(scope: Scope): Counting | undefined {
    const known = this.#counting.get(scope.key);
    if (known !== undefined || this.#counting.size >= SCOPES_MAX) return known;
    const { clock, scopes } = this.#deps;
    const askedAtMs = clock.monotonicMs();
    const recent = new RecentCounts({ ...NOTHING, atMs: askedAtMs });
    const counting = { sees: scopes.seesSeries(scope), recent, points: 0, askedAtMs, series: undefined };
    this.#counting.set(scope.key, counting);
    this.#stop ??= this.#start();
    return counting;
  }

  #start(): () => void {
    const { bus, clock } = this.#deps;
    const unsubscribe = bus.subscribe((frame) => this.#count(frame));
    let cancel = () => {};
    const lookSoon = () => {
      cancel = clock.after(LOOK_EVERY_MS, () => {
        lookSoon();
        this.#look();
      });
    };
    lookSoon();
    return () => {
      cancel();
      unsubscribe();
    };
  }

  #look(): void {
    const atMs = this.#deps.clock.monotonicMs();
    for (const [key, { recent, points, askedAtMs }] of this.#counting) {
      if (atMs - askedAtMs >= KEPT_MS) this.#counting.delete(key);
      else recent.add({ ...NOTHING, atMs, points });
    }
    if (this.#counting.size === 0) this.close();
  }

  #count({ count, seriesIds }: Frame): void {
    const looks = Math.min(count, POINTS_LOOKED_AT);
    const step = count / looks;
    for (const counting of this.#counting.values()) {
      let [seen, series, isSeen] = [0, -1, false];
      for (let i = 0; i < looks; i++) {
        // Anywhere within a step: what comes in turn would otherwise be met at the same place each time.
        const id = seriesIds[step === 1 ? i : Math.floor((i + ((i * GOLDEN) % 1)) * step)];
        if (id !== series) isSeen = counting.sees((series = id));
        if (isSeen) seen++;
      }
      counting.points += Math.round(seen * step);
    }
  }

  async #seriesIn(scope: Scope): Promise<number> {
    const { registry, scopes, pause } = this.#deps;
    const sees = scopes.seesSeries(scope);
    let count = 0;
    for (let id = 1; id < registry.idEnd; id++) {
      if (id % SERIES_AT_ONCE === 0) await pause();
      if (registry.has(id) && sees(id)) count++;
    }
    return count;
  }
}
