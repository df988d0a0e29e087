/** A unit test of rules: its series go through the engine that runs live, on a clock of their own. */
import { SeriesRegistry } from "../../model/series-registry.ts";
import type { Rule } from "../rule.ts";
import { SeasonalProfiles, type HourlyHistory } from "../seasonal-profiles.ts";
import { SimulatedDevices } from "../simulated-devices.ts";
import { Simulation, type Episode } from "../simulation.ts";
import { differenceOf, type Difference, type FiringAlert } from "./compare-alerts.ts";
import { isDeleted } from "./device-states.ts";
import type { AlertCheck, InputDevice, InputSeries, RuleTest } from "./test-file.ts";

/** A check that did not hold. */
export interface FailedCheck extends Difference {
  /** Its place among those of the test. */
  readonly index: number;
  readonly check: AlertCheck;
}

/** When tests begin: a Monday, 00:00 UTC. */
export const TEST_STARTS_MS = Date.UTC(2001, 0, 1);
/** `live.stale_after` where nobody has set it. */
const STALE_AFTER_MS = 300_000;
/** What time decides waits so long for a sample of that time, and not for longer than half an interval. */
const DECIDED_MS = 2_000;
/** Nothing was stored before: rules that go by what is usual never fire. */
const NOTHING: HourlyHistory = {
  async hours(seriesIds) {
    const [timesUs, values, deviations] = [new Float64Array(), new Float64Array(), new Float64Array()];
    return { offsets: new Uint32Array(seriesIds.length + 1), timesUs, values, deviations };
  },
};

/** In the order they are written in. */
export function runRuleTest(rules: readonly Rule[], test: RuleTest): FailedCheck[] {
  const registry = new SeriesRegistry({ seriesMax: Infinity, seriesPerSourceMax: Infinity });
  const devices = new SimulatedDevices();
  using simulation = new Simulation(rules, registry, {
    fromMs: TEST_STARTS_MS,
    staleAfterMs: STALE_AFTER_MS,
    episodesMax: 0,
    profiles: new SeasonalProfiles(NOTHING),
    devices,
  });
  const samples = new Samples(test, registry, devices);
  const failed: FailedCheck[] = [];
  const inTime = test.checks.map((check, index) => ({ check, index })).sort((a, b) => a.check.atMs - b.check.atMs);
  for (const { check, index } of inTime) {
    samples.feedThrough(simulation, check.atMs);
    const decidedMs = Math.min(check.atMs + Math.min(DECIDED_MS, test.intervalMs / 2), samples.nextAtMs - 1);
    simulation.end(TEST_STARTS_MS + Math.max(check.atMs, Math.floor(decidedMs)));
    const firing = [...simulation.firing()].filter(({ rule }) => rule === check.rule).map(firingAlert);
    const difference = differenceOf(check.alerts, firing);
    if (difference.missing.length + difference.others.length > 0) failed.push({ ...difference, check, index });
  }
  return failed.sort((a, b) => a.index - b.index);
}

/** Those of all series, and states of all devices, step by step. */
class Samples {
  readonly #series: readonly InputSeries[];
  readonly #inputDevices: readonly InputDevice[];
  readonly #registry: SeriesRegistry;
  readonly #devices: SimulatedDevices;
  readonly #intervalMs: number;
  readonly #steps: number;
  /** Of series that have begun. */
  readonly #ids = new Map<string, number>();
  #step = 0;

  constructor(
    { series, devices: inputDevices, intervalMs }: RuleTest,
    registry: SeriesRegistry,
    devices: SimulatedDevices,
  ) {
    this.#series = series;
    this.#inputDevices = inputDevices;
    this.#registry = registry;
    this.#devices = devices;
    this.#intervalMs = intervalMs;
    const lengths = [...series.map(({ values }) => values.length), ...inputDevices.map(({ states }) => states.length)];
    this.#steps = lengths.reduce((most, length) => Math.max(most, length), 0);
  }

  /** Since the start; also where nothing comes any more. */
  get nextAtMs(): number {
    return this.#step * this.#intervalMs;
  }

  feedThrough(simulation: Simulation, throughMs: number): void {
    for (; this.nextAtMs <= throughMs && this.#step < this.#steps; this.#step++) {
      this.#feed(simulation, TEST_STARTS_MS + this.nextAtMs);
    }
    this.#step = Math.max(this.#step, Math.floor(throughMs / this.#intervalMs) + 1);
  }

  #feed(simulation: Simulation, atMs: number): void {
    for (const { states, ...facts } of this.#inputDevices) {
      const status = states[this.#step] ?? null;
      if (status === null) continue;
      simulation.advance(atMs);
      this.#devices.stand(facts.device, isDeleted(status) ? undefined : { ...facts, status, reason: "" });
    }
    const given = this.#series.filter(({ values }) => (values[this.#step] ?? null) !== null);
    if (given.length === 0) return;
    // Series come into being with their first point.
    simulation.advance(atMs);
    simulation.apply({
      seq: 0,
      arrivalMs: atMs,
      count: given.length,
      seriesIds: Uint32Array.from(given, (series) => this.#idOf(series)),
      timesUs: new Float64Array(given.length).fill(atMs * 1_000),
      values: Float64Array.from(given, ({ values }) => values[this.#step]!),
    });
  }

  #idOf({ key, source }: InputSeries): number {
    let id = this.#ids.get(key);
    if (id === undefined) this.#ids.set(key, (id = Number(this.#registry.add(key, source))));
    return id;
  }
}

function firingAlert({ rule, says, severity }: Episode): FiringAlert {
  const { labels, title, description, runbook } = says;
  return { labels: { ...labels, alertname: rule, severity }, annotations: { title, description, runbook } };
}
