/** TestRule: what a rule would have done with what is stored, and who would have been told. */
import { invalidField, WatchpostError } from "../model/errors.ts";
import type { Scope } from "../model/access.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { SeriesScopes } from "../model/series-scopes.ts";
import { QUERY_READ_SERIES_MAX } from "../model/limits.ts";
import type { Clock } from "../model/clock.ts";
import type { DeviceStandings, PastStandings } from "../model/device-standing.ts";
import type { RangeQuery, RangeResult } from "../store/protocol.ts";
import { msOfTimestamp } from "../wire/timestamp.ts";
import type { TestRuleRequest } from "../wire/gen/rules_pb.ts";
import { ruleOfMessage } from "./rule-message.ts";
import { SeasonalProfiles, type HourlyHistory } from "./seasonal-profiles.ts";
import type { TellingSetup } from "./simulated-telling.ts";
import { SimulatedDevices } from "./simulated-devices.ts";
import { Simulation } from "./simulation.ts";
import { episodeMessage, notificationMessage, stepMessage } from "./test-rule-message.ts";

export interface TestRuleDeps {
  readonly registry: SeriesRegistry;
  readonly clock: Clock;
  readonly staleAfterMs: number;
  readonly timeoutMs: number;
  readonly history: HourlyHistory;
  range(query: RangeQuery, options: { readonly signal: AbortSignal }): Promise<RangeResult>;
  /** Left out: there are none. */
  readonly devices?: DeviceStandings;
  readonly scopes: Pick<SeriesScopes, "seesSeries" | "seesDevice">;
  /** Whom alerts are told to now; undefined: nobody. */
  telling(): TellingSetup | undefined;
}

const NO_DEVICES: PastStandings = { before: [], changes: [] };
const DAY_MS = 86_400_000;
const EPISODES_DEFAULT = 1_000;
const EPISODES_MAX = 100_000;
const TOLD_DEFAULT = 1_000;
const TOLD_MAX = 10_000;
/** In memory at once, about. */
const POINTS_AT_ONCE = 200_000;
const POINTS_MAX = 100_000_000;
/** How long the event loop is held at a time. */
const SLICE_MS = 8;

/**
 * With series and devices of the scope alone. `signal` ends it early. Rejects with RESOURCE_EXHAUSTED for more points or time than
 * one test may take.
 */
export async function testRule(request: TestRuleRequest, deps: TestRuleDeps, scope: Scope, signal: AbortSignal) {
  if (request.rule === undefined) throw invalidField("rule", "", "a rule");
  const rule = ruleOfMessage(request.rule);
  const { fromMs, toMs } = rangeOf(request, deps.clock.nowMs());
  const isOfDevices = rule.condition.kind === "device";
  const whole = (isOfDevices && (await deps.devices?.past?.(fromMs, toMs))) || NO_DEVICES;
  const past = scope.isEverything ? whole : pastOf(whole, (device) => deps.scopes.seesDevice(scope, device));
  const devices = new SimulatedDevices(past.before);
  const episodesMax = limitOf("episodes_max", request.episodesMax, EPISODES_DEFAULT, EPISODES_MAX);
  const toldMax = limitOf("told_max", request.toldMax, TOLD_DEFAULT, TOLD_MAX);
  const setup = deps.telling();
  const profiles = new SeasonalProfiles(deps.history);
  using simulation = new Simulation([{ ...rule, isDisabled: false }], deps.registry, {
    fromMs,
    staleAfterMs: deps.staleAfterMs,
    episodesMax,
    profiles,
    devices,
    toldMax,
    ...(scope.isEverything ? {} : { seesSeries: deps.scopes.seesSeries(scope) }),
    ...(setup === undefined ? {} : { telling: setup }),
  });
  const seriesIds = simulation.seriesIds();
  if (seriesIds.length > QUERY_READ_SERIES_MAX) {
    throw invalidField("rule", `bound to ${seriesIds.length} series`, `at most ${QUERY_READ_SERIES_MAX} for a test`);
  }
  await profiles.load(fromMs, true);
  const test = new Test(simulation, seriesIds, deps, signal);
  for (const { atMs, device, standing } of past.changes) {
    await test.passTo(atMs);
    devices.stand(device, standing);
  }
  const points = await test.run(fromMs, toMs);
  return {
    episodes: simulation.episodes.map(episodeMessage),
    series: BigInt(seriesIds.length),
    points: BigInt(points),
    devices: BigInt(devices.count),
    deviceChanges: BigInt(past.changes.length),
    more: simulation.isCut,
    ...toldIn(simulation),
  };
}

function pastOf({ before, changes }: PastStandings, isSeen: (device: string) => boolean): PastStandings {
  const ofSeen = ({ device }: { readonly device: string }) => isSeen(device);
  return { before: before.filter(ofSeen), changes: changes.filter(ofSeen) };
}

function toldIn({ telling }: Simulation) {
  if (telling === undefined) return {};
  return {
    hasReceivers: true,
    notifications: telling.notifications.map(notificationMessage),
    notificationsTotal: BigInt(telling.notificationCount),
    notificationsByReceiver: Object.fromEntries([...telling.countOf].map(([name, count]) => [name, BigInt(count)])),
    escalations: telling.steps.map(stepMessage),
    escalationsTotal: BigInt(telling.stepCount),
  };
}

class Test {
  readonly #simulation: Simulation;
  readonly #seriesIds: Uint32Array;
  readonly #deps: TestRuleDeps;
  readonly #signal: AbortSignal;
  readonly #endsAtMs: number;
  #sliceEndsMs = -Infinity;

  constructor(simulation: Simulation, seriesIds: Uint32Array, deps: TestRuleDeps, signal: AbortSignal) {
    this.#simulation = simulation;
    this.#seriesIds = seriesIds;
    this.#deps = deps;
    this.#signal = signal;
    this.#endsAtMs = deps.clock.monotonicMs() + deps.timeoutMs;
  }

  /** Resolves with how many points there were. */
  async run(fromMs: number, toMs: number): Promise<number> {
    const points = this.#seriesIds.length === 0 ? 0 : await this.#feedAll(fromMs, toMs);
    await this.#advance(toMs);
    this.#simulation.end(toMs);
    return points;
  }

  async passTo(timeMs: number): Promise<void> {
    if (!this.#isSliceLeft() || !this.#passTo(timeMs)) await this.#advance(timeMs);
  }

  async #feedAll(fromMs: number, toMs: number): Promise<number> {
    const total = await this.#count(fromMs, toMs);
    if (total > POINTS_MAX) throw tooMany(`${total} points`, `${POINTS_MAX} points`);
    const pieces = Math.max(1, Math.ceil(total / POINTS_AT_ONCE));
    let points = 0;
    for (let piece = 0; piece < pieces; piece++) {
      const at = (i: number) => fromMs + Math.round(((toMs - fromMs) * i) / pieces);
      points += await this.#feed(await this.#points(at(piece), at(piece + 1)));
    }
    return points;
  }

  async #count(fromMs: number, toMs: number): Promise<number> {
    const range = { fromUs: fromMs * 1_000, toUs: toMs * 1_000, stepUs: DAY_MS * 1_000, func: "count" } as const;
    const query = { seriesIds: this.#seriesIds, ...range, pointsMax: POINTS_MAX };
    const { values } = await this.#deps.range(query, { signal: this.#signal });
    return values.reduce((sum, count) => sum + count, 0);
  }

  async #points(fromMs: number, toMs: number): Promise<RangeResult> {
    const range = { fromUs: fromMs * 1_000, toUs: toMs * 1_000, stepUs: 0 };
    return this.#deps.range({ seriesIds: this.#seriesIds, ...range, pointsMax: POINTS_MAX }, { signal: this.#signal });
  }

  /** In order of time, those of one time together. */
  async #feed({ slots, offsets, timesUs, values }: RangeResult): Promise<number> {
    const ids = new Uint32Array(timesUs.length);
    for (const [i, slot] of slots.entries()) ids.fill(this.#seriesIds[slot], offsets[i], offsets[i + 1]);
    const order = Uint32Array.from(timesUs.keys()).sort((a, b) => timesUs[a] - timesUs[b] || ids[a] - ids[b]);
    for (let from = 0; from < order.length;) {
      let to = from + 1;
      while (to < order.length && timesUs[order[to]] === timesUs[order[from]]) to++;
      const rows = order.subarray(from, to);
      const arrivalMs = timesUs[order[from]] / 1_000;
      await this.passTo(arrivalMs);
      this.#simulation.apply({
        seq: 0,
        arrivalMs,
        count: rows.length,
        seriesIds: ids.length === 0 ? ids : Uint32Array.from(rows, (row) => ids[row]),
        timesUs: Float64Array.from(rows, (row) => timesUs[row]),
        values: Float64Array.from(rows, (row) => values[row]),
      });
      from = to;
    }
    return order.length;
  }

  /** In slices, one of which begins with it. */
  async #advance(toMs: number): Promise<void> {
    do await this.#pause();
    while (!this.#passTo(toMs));
  }

  /** As far as the slice allows; returns whether it is there. */
  #passTo(timeMs: number): boolean {
    return this.#simulation.advance(timeMs, () => this.#isSliceLeft());
  }

  #isSliceLeft(): boolean {
    return this.#deps.clock.monotonicMs() < this.#sliceEndsMs;
  }

  async #pause(): Promise<void> {
    await new Promise((resolve) => void setImmediate(resolve));
    if (this.#signal.aborted) throw new WatchpostError("CANCELLED", "the test was cancelled");
    if (this.#deps.clock.monotonicMs() > this.#endsAtMs) throw tooMany("its time", `${this.#deps.timeoutMs} ms`);
    this.#sliceEndsMs = this.#deps.clock.monotonicMs() + SLICE_MS;
  }
}

function rangeOf({ from, to }: TestRuleRequest, nowMs: number): { fromMs: number; toMs: number } {
  const toMs = to === undefined ? nowMs : msOfTimestamp(to);
  const fromMs = from === undefined ? toMs - DAY_MS : msOfTimestamp(from);
  if (!(fromMs >= 0) || fromMs >= toMs) throw invalidField("from", new Date(fromMs).toISOString(), "a time before to");
  return { fromMs, toMs: Math.min(toMs, nowMs) };
}

function limitOf(field: string, given: number, usual: number, max: number): number {
  if (given < 0 || given > max) throw invalidField(field, given, `0 to ${max}`);
  return given || usual;
}

function tooMany(what: string, most: string): WatchpostError {
  return new WatchpostError(
    "RESOURCE_EXHAUSTED",
    `the test takes more than it may: ${what}; at most ${most}: ask for a shorter range or fewer series`,
  );
}
