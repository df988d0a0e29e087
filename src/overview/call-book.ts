/** The calls that are under way, and those of the last time that took long: by whom, for what, how far behind. */
import type { Metrics } from "../metrics/metrics.ts";
import type { Clock } from "../model/clock.ts";
import { WatchpostError } from "../model/errors.ts";
import type { Logger } from "../model/logger.ts";
import type { QueryCost, SlowCall, SlowReader } from "../model/slow-work.ts";
import type { BegunCall, CallWatch, WatchedCall } from "../wire/call-watch.ts";
import { requestText } from "../wire/request-text.ts";
import { toStatus } from "../wire/status.ts";

export interface CallBookDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Pick<
    Metrics,
    "callSeconds" | "queryPointsRead" | "querySeriesRead" | "readersCut" | "slowCalls" | "slowReaders"
  >;
  /** From when a call has taken long, and from when a reader is behind. */
  readonly slowCallMs: number;
  readonly slowReaderMs: number;
  /** Whether each call is worth a line. */
  isVerbose(): boolean;
}

export interface CallCount {
  started: number;
  open: number;
}

const LOOK_EVERY_MS = 1_000;
const LATELY_MS = 60_000;
const CALLS_KEPT = 50;
/** A reader that is slow again and again is a line in the log so often. */
const SAID_EVERY_MS = 60_000;
/** So many lines a look, however many are slow: a network that stalls makes all of them. */
const SAID_AT_ONCE = 10;

export class CallBook implements CallWatch {
  readonly #deps: CallBookDeps;
  readonly #counts = new Map<string, CallCount>();
  readonly #streams = new Set<Watched>();
  /** The last one last. */
  readonly #slowCalls: SlowCall[] = [];
  #cancel: () => void = () => {};
  #isClosed = false;
  /** Since the last look. */
  #cutsSaid = 0;

  constructor(deps: CallBookDeps) {
    this.#deps = deps;
    this.#lookSoon();
  }

  /** By method. */
  get counts(): ReadonlyMap<string, CallCount> {
    return this.#counts;
  }

  began(call: BegunCall): WatchedCall {
    let count = this.#counts.get(call.name);
    if (count === undefined) this.#counts.set(call.name, (count = { started: 0, open: 0 }));
    count.started++;
    count.open++;
    const watched = new Watched(call, this.#deps.clock, (error) => this.#ended(watched, count, error));
    if (call.isRead) this.#streams.add(watched);
    return watched;
  }

  /** Those that wait or have waited too long for their reader; the one that is furthest behind first. */
  slowReaders(limit: number): { readonly readers: SlowReader[]; readonly total: number } {
    const nowMs = this.#deps.clock.monotonicMs();
    const slow = [...this.#streams].filter((stream) => stream.behindMsMax(nowMs) >= this.#deps.slowReaderMs);
    slow.sort((a, b) => b.behindMs(nowMs) - a.behindMs(nowMs) || b.behindMsMax(nowMs) - a.behindMsMax(nowMs));
    return { readers: slow.slice(0, limit).map((stream) => readerOf(stream, nowMs)), total: slow.length };
  }

  /** How many readers are behind now, and how many calls of the last minute took long. */
  slowNow(): { readonly readers: number; readonly calls: number } {
    const { clock, slowReaderMs } = this.#deps;
    const [nowMs, sinceMs] = [clock.monotonicMs(), clock.nowMs() - LATELY_MS];
    let readers = 0;
    for (const stream of this.#streams) if (stream.behindMs(nowMs) >= slowReaderMs) readers++;
    return { readers, calls: this.#slowCalls.filter(({ endedAtMs }) => endedAtMs >= sinceMs).length };
  }

  /** The last one first. */
  slowCalls(limit: number): SlowCall[] {
    return this.#slowCalls.slice(-limit).reverse();
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  #lookSoon(): void {
    this.#cancel = this.#deps.clock.after(LOOK_EVERY_MS, () => {
      this.#look();
      if (!this.#isClosed) this.#lookSoon();
    });
  }

  #look(): void {
    const { clock, logger, slowReaderMs, metrics } = this.#deps;
    const nowMs = clock.monotonicMs();
    let [behind, said] = [0, 0];
    this.#cutsSaid = 0;
    for (const stream of this.#streams) {
      if (stream.behindMs(nowMs) < slowReaderMs) continue;
      behind++;
      if (nowMs - stream.saidAtMs < SAID_EVERY_MS || said === SAID_AT_ONCE) continue;
      stream.saidAtMs = nowMs;
      said++;
      logger.warn({ ...readerOf(stream, nowMs) }, "a reader does not take what there is for it");
    }
    metrics.slowReaders.set(behind);
  }

  #ended(watched: Watched, count: CallCount, error: unknown): void {
    count.open--;
    this.#streams.delete(watched);
    const { call, cost } = watched;
    const { clock, metrics, slowCallMs } = this.#deps;
    const nowMs = clock.monotonicMs();
    const { series, pointsRead } = cost;
    const durationMs = watched.ownMs(nowMs);
    const status = error === undefined ? "OK" : toStatus(error).name;
    if (this.#deps.isVerbose()) {
      const { principal, peer } = call.context;
      const fields = { method: call.name, status, durationMs: Math.round(durationMs), principal: principal.name };
      this.#deps.logger.debug({ ...fields, address: peer }, "a call has ended");
    }
    if (call.kind === "unary") metrics.callSeconds.observe({ method: call.name }, durationMs / 1_000);
    if (series > 0) {
      metrics.querySeriesRead.inc(series);
      metrics.queryPointsRead.inc(pointsRead);
    }
    // Others are ended by an age of their connection, a drain, or a change of what they see: no fault of their reader's.
    if (call.isRead && error instanceof WatchpostError && error.isReaderBehind) {
      metrics.readersCut.inc({ method: call.name });
      const fields = { ...askerOf(call), sent: watched.sent, why: error.message };
      if (this.#cutsSaid++ < SAID_AT_ONCE) this.#deps.logger.warn(fields, "a stream was ended: its reader fell behind");
    }
    // How long a live stream is open says nothing.
    if (durationMs < slowCallMs || (call.kind !== "unary" && series === 0)) return;
    metrics.slowCalls.inc({ method: call.name });
    const slow = { ...askerOf(call), endedAtMs: clock.nowMs(), durationMs, series, pointsRead, status };
    if (this.#slowCalls.push(slow) > CALLS_KEPT) this.#slowCalls.shift();
    this.#deps.logger.warn({ ...slow }, "a call took long");
  }
}

class Watched implements WatchedCall {
  readonly call: BegunCall;
  readonly context: BegunCall["context"];
  readonly cost: QueryCost = { series: 0, pointsRead: 0 };
  readonly openedAtMs: number;
  saidAtMs = -Infinity;
  sent = 0;
  readonly #clock: Clock;
  readonly #onEnd: (error: unknown) => void;
  readonly #beganAtMs: number;
  #isEnded = false;
  /** Since when what it has been handed is not taken. */
  #waitsSinceMs = Infinity;
  #waitedMs = 0;
  #waitedMsMax = 0;

  constructor(call: BegunCall, clock: Clock, onEnd: (error: unknown) => void) {
    this.call = call;
    this.#clock = clock;
    this.#onEnd = onEnd;
    this.#beganAtMs = clock.monotonicMs();
    this.openedAtMs = clock.nowMs();
    this.context = Object.create(call.context, { cost: { value: this.cost } }) as BegunCall["context"];
  }

  sends(): void {
    this.sent++;
    this.#waitsSinceMs = this.#clock.monotonicMs();
  }

  isTaken(): void {
    const waitedMs = this.behindMs(this.#clock.monotonicMs());
    this.#waitedMs += waitedMs;
    this.#waitedMsMax = Math.max(this.#waitedMsMax, waitedMs);
    this.#waitsSinceMs = Infinity;
  }

  ended(error?: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.isTaken();
    this.#onEnd(error);
  }

  behindMs(nowMs: number): number {
    return Math.max(0, nowMs - this.#waitsSinceMs);
  }

  behindMsMax(nowMs: number): number {
    return Math.max(this.#waitedMsMax, this.behindMs(nowMs));
  }

  ownMs(nowMs: number): number {
    return nowMs - this.#beganAtMs - this.#waitedMs;
  }
}

function readerOf(stream: Watched, nowMs: number): SlowReader {
  const { call, openedAtMs, sent } = stream;
  return {
    ...askerOf(call),
    ...{ openedAtMs, sent, behindMs: stream.behindMs(nowMs), behindMsMax: stream.behindMsMax(nowMs) },
  };
}

function askerOf({ name, request, requestType, context }: BegunCall) {
  const { principal, peer } = context;
  return {
    principal: principal.name,
    address: peer,
    method: name,
    request: requestType === undefined ? "" : requestText(requestType, request),
  };
}
