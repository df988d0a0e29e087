/** How the server stands: what its metrics say, lately and now. */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Bus } from "../bus/bus.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { scopeText, type Scope } from "../model/access.ts";
import type { Clock } from "../model/clock.ts";
import type { Frame } from "../model/frame.ts";
import type { ServerStatusSchema } from "../wire/gen/server_pb.ts";
import type { CallBook } from "./call-book.ts";
import type { LogLevel } from "./log-level.ts";
import { countsOf, sumOf, valuesBy } from "./counts.ts";
import { RecentCounts } from "./recent-counts.ts";
import type { ScopedCounts } from "./scoped-counts.ts";
import { problemsOf, type LimitedCaller, type RedisTrouble } from "./server-problems.ts";

export interface DiskFacts {
  readonly usedBytes: number;
  /** Infinity: none. */
  readonly budgetBytes: number;
  readonly freeBytes: number;
  readonly freeFloorBytes: number;
}

export interface ServerBoardDeps {
  readonly metrics: Metrics;
  readonly bus: Pick<Bus, "subscribe">;
  readonly clock: Clock;
  readonly build: { readonly version: string; readonly commit: string };
  readonly registry: { readonly count: number };
  readonly devices: {
    readonly count: number;
    readonly countOf: ReadonlyMap<string, number>;
    countsIn(scope: Scope): Promise<ReadonlyMap<string, number>>;
  };
  readonly scoped: Pick<ScopedCounts, "of">;
  readonly sessions: { readonly streams: number };
  disk(): Promise<DiskFacts>;
  residentBytes(): number;
  /** Why it does not serve, or not all of it. */
  notServing(): string | undefined;
  readonly calls: Pick<CallBook, "slowNow">;
  readonly logLevel: Pick<LogLevel, "now">;
  isOverloaded(): boolean;
  /** Who was refused something lately; a few. */
  limited(): readonly LimitedCaller[];
  redisTrouble(): RedisTrouble | undefined;
  isDeskKnown(): boolean;
  /** What somebody should see to; undefined also where there is no TLS. */
  certificateTrouble(): string | undefined;
  /** Why points do not get there, in a sentence. */
  remoteWriteTrouble(): string | undefined;
}

export type ServerStatusMessage = MessageInitShape<typeof ServerStatusSchema>;

const LOOK_EVERY_MS = 1_000;
/** However many watch. */
const LOOK_AGAIN_MS = 450;
/** Of each commit, whatever there is in it. */
const READINGS_LOOKED_AT = 16;
/** The store is asked no more often, however many watch. */
const DISK_EVERY_MS = 5_000;

export class ServerBoard {
  readonly #deps: ServerBoardDeps;
  readonly #startedMs: number;
  readonly #recent: RecentCounts;
  readonly #unsubscribe: () => void;
  #cancel: () => void = () => {};
  #isClosed = false;
  #disk: { readonly atMs: number; readonly facts: Promise<DiskFacts> } | undefined;

  private constructor(deps: ServerBoardDeps, recent: RecentCounts) {
    this.#deps = deps;
    this.#recent = recent;
    this.#startedMs = deps.clock.nowMs();
    this.#unsubscribe = deps.bus.subscribe((frame) => this.#noteAges(frame));
    this.#lookSoon();
  }

  static async open(deps: ServerBoardDeps): Promise<ServerBoard> {
    return new ServerBoard(deps, new RecentCounts(await countsOf(deps.metrics, deps.clock.monotonicMs())));
  }

  /** Of a part: what is of it alone. */
  status(scope: Scope): Promise<ServerStatusMessage> {
    return scope.isEverything ? this.#statusOfServer() : this.#statusOfPart(scope);
  }

  async #statusOfPart(scope: Scope): Promise<ServerStatusMessage> {
    const { clock, devices, scoped } = this.#deps;
    const { series, pointsPerS, recentPointsPerS } = await scoped.of(scope);
    const countOf = await devices.countsIn(scope);
    return {
      time: timestampFromMs(clock.nowMs()),
      scope: scopeText(scope),
      pointsPerS,
      recentPointsPerS: [...recentPointsPerS],
      series: BigInt(series),
      ...devicesOf(countOf),
    };
  }

  async #statusOfServer(): Promise<ServerStatusMessage> {
    const { metrics, clock, build, registry, devices, sessions } = this.#deps;
    await this.#look();
    const [pointsTotal, disk, facts, uploadStreams, subscriptions] = await Promise.all([
      sumOf(metrics.commitPoints),
      this.#diskNow(),
      this.#counted(),
      sumOf(metrics.uploadStreams),
      sumOf(metrics.subscriptions),
    ]);
    const recent = this.#recent;
    const [slow, logLevel] = [this.#deps.calls.slowNow(), this.#deps.logLevel.now];
    return {
      time: timestampFromMs(clock.nowMs()),
      startedAt: timestampFromMs(this.#startedMs),
      ...build,
      pointsPerS: recent.perS("points"),
      batchesPerS: recent.perS("batches"),
      recentPointsPerS: [...recent.recentPointsPerS],
      pointsTotal: BigInt(pointsTotal),
      lag: {
        readingP50Ms: recent.quantileMs("readingAge", 0.5),
        readingP99Ms: recent.quantileMs("readingAge", 0.99),
        commitP50Ms: recent.quantileMs("commit", 0.5),
        commitP99Ms: recent.quantileMs("commit", 0.99),
      },
      refused: recent
        .refused()
        .map(({ reason, total, lastMinute }) => ({ reason, total: BigInt(total), lastMinute: BigInt(lastMinute) })),
      uploadStreams,
      liveStreams: subscriptions + sessions.streams,
      series: BigInt(registry.count),
      ...devicesOf(devices.countOf),
      devices: BigInt(devices.count),
      diskBytes: BigInt(disk.usedBytes),
      diskBudgetBytes: disk.budgetBytes === Infinity ? 0n : BigInt(Math.floor(disk.budgetBytes)),
      diskFreeBytes: BigInt(disk.freeBytes),
      residentMemoryBytes: BigInt(this.#deps.residentBytes()),
      slowReaders: slow.readers,
      slowCalls: slow.calls,
      ...(logLevel.untilMs === undefined
        ? {}
        : { logLevel: logLevel.level, logLevelUntil: timestampFromMs(logLevel.untilMs) }),
      problems: problemsOf({ ...facts, disk }),
    };
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#cancel();
    this.#unsubscribe();
  }

  #lookSoon(): void {
    this.#cancel = this.#deps.clock.after(LOOK_EVERY_MS, () => {
      void this.#look().then(() => {
        if (!this.#isClosed) this.#lookSoon();
      });
    });
  }

  async #look(): Promise<void> {
    const { metrics, clock } = this.#deps;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#recent.now.atMs >= LOOK_AGAIN_MS) this.#recent.add(await countsOf(metrics, nowMs));
  }

  #noteAges({ arrivalMs, count, timesUs }: Frame): void {
    const step = Math.ceil(count / READINGS_LOOKED_AT);
    for (let i = 0; i < count; i += step) {
      // Clocks of senders may be ahead.
      this.#deps.metrics.readingAgeSeconds.observe(Math.max(0, arrivalMs / 1_000 - timesUs[i] / 1e6));
    }
  }

  #diskNow(): Promise<DiskFacts> {
    const atMs = this.#deps.clock.monotonicMs();
    if (this.#disk === undefined || atMs - this.#disk.atMs >= DISK_EVERY_MS) {
      this.#disk = { atMs, facts: this.#deps.disk() };
    }
    return this.#disk.facts;
  }

  async #counted() {
    const { metrics, notServing, isOverloaded, limited, certificateTrouble } = this.#deps;
    const { remoteWriteTrouble, redisTrouble, isDeskKnown } = this.#deps;
    const [untrusted, damaged, dropped, upstreamPoints, remoteWritePoints, upstreams, brokers] = await Promise.all([
      sumOf(metrics.clockUntrusted),
      sumOf(metrics.damaged),
      valuesBy(metrics.droppedPoints, "reason"),
      valuesBy(metrics.upstreamPoints, "result"),
      valuesBy(metrics.remoteWritePoints, "result"),
      valuesBy(metrics.upstreamConnected, "upstream"),
      valuesBy(metrics.mqttConnected, "broker"),
    ]);
    const sum = (values: [string, number][], isWanted: (name: string) => boolean) =>
      values.reduce((total, [name, value]) => total + (isWanted(name) ? value : 0), 0);
    const away = (values: [string, number][]) => values.filter(([, value]) => value === 0).map(([name]) => name);
    return {
      notServing: notServing(),
      isOverloaded: isOverloaded(),
      certificateTrouble: certificateTrouble(),
      remoteWriteTrouble: remoteWriteTrouble(),
      isClockTrusted: untrusted === 0,
      damaged,
      // What goes by its age was meant to.
      droppedForRoom: sum(dropped, (reason) => reason !== "age"),
      droppedForUpstream: sum(upstreamPoints, (result) => result === "dropped"),
      lostForRemoteWrite: sum(remoteWritePoints, (result) => result === "dropped" || result === "refused"),
      upstreamsAway: away(upstreams),
      brokersAway: away(brokers),
      limited: limited(),
      redisTrouble: redisTrouble(),
      isDeskKnown: isDeskKnown(),
    };
  }
}

function devicesOf(countOf: ReadonlyMap<string, number>): Pick<ServerStatusMessage, "devices" | "devicesByStatus"> {
  const devices = [...countOf.values()].reduce((sum, count) => sum + count, 0);
  return {
    devices: BigInt(devices),
    devicesByStatus: Object.fromEntries([...countOf].map(([status, count]) => [status, BigInt(count)])),
  };
}
