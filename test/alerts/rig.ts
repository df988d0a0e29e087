/** Alerts over points that are sent by hand, on a clock that stands still, with restarts whenever they are wanted. */
import { create } from "@bufbuild/protobuf";
import { MemoryBus } from "../../src/bus/memory-bus.ts";
import { eventFromJson } from "../../src/alerts/alert.ts";
import type { LastingJournal } from "../../src/model/lasting-journal.ts";
import type { AlertReader } from "../../src/alerts/list-alerts.ts";
import type { ParentsOf } from "../../src/alerts/incidents.ts";
import { Evaluator } from "../../src/alerts/evaluation/evaluator.ts";
import { ruleHolder } from "../../src/alerts/evaluation/rule-holder.ts";
import { openAlerts, type AlertsDeps, type AlertsFile, type OpenAlerts } from "../../src/alerts/open-alerts.ts";
import { ruleOf } from "../../src/alerts/rule-input.ts";
import { OWN_MARKS } from "../../src/alerts/series-marks.ts";
import type { HourlyPart } from "../../src/alerts/seasonal-profiles.ts";
import type { HistoryPart } from "../../src/alerts/warm-up.ts";
import { BurstGarbage } from "../../src/model/burst-garbage.ts";
import type { Clock } from "../../src/model/clock.ts";
import type { DeviceStandings } from "../../src/model/device-standing.ts";
import type { Frame } from "../../src/model/frame.ts";
import type { RangeQuery, RangeResult } from "../../src/store/protocol.ts";
import type { SeriesMatcher } from "../../src/model/matcher.ts";
import { deviceOfKey, parseSeriesKey, seriesKey } from "../../src/model/series-key.ts";
import { SeriesRegistry } from "../../src/model/series-registry.ts";
import { SeriesScopes } from "../../src/model/series-scopes.ts";
import { EvaluationOrderSchema, EvaluationReportsSchema } from "../../src/wire/gen/evaluation_pb.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { MemoryJournal } from "../support/memory-journal.ts";

export interface SentPoint {
  readonly metric: string;
  readonly source: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly value: number;
  /** Now where it is left out. */
  readonly timeMs?: number;
}

interface StoredPoint {
  readonly arrivalMs: number;
  readonly timeUs: number;
  readonly value: number;
  /** What stood there before. */
  readonly before: StoredPoint | undefined;
}

export const START_MS = Date.UTC(2026, 10, 2);
const STALE_AFTER_MS = 60_000;

export class AlertsRig {
  readonly clock = new ManualClock(START_MS);
  readonly registry = new SeriesRegistry({ seriesMax: 1e6, seriesPerSourceMax: 1e6 });
  readonly journal = new MemoryJournal();
  /** Where nodes share the journal. */
  lasting: (LastingJournal & AlertReader) | undefined;
  readonly trouble: string[] = [];
  readonly notices: string[] = [];
  readonly #bus = new MemoryBus((error) => {
    throw error;
  });
  readonly #frames: Frame[] = [];
  /** Those of {@link #frames} that nobody has heard yet. */
  readonly #arriving: Frame[] = [];
  readonly #points = new Map<number, StoredPoint[]>();
  #run: { readonly alerts: OpenAlerts; readonly clock: RunClock } | null = null;
  #isHearing = true;
  #seq = 0;
  #newestArrivalMs = NaN;
  #ids = 0;
  #incidentIds = 0;

  get alerts(): OpenAlerts {
    return this.#run!.alerts;
  }

  /** What the rules file says, of every start. */
  file: AlertsFile | undefined;
  parentsOf: ParentsOf = () => [];
  /** Where devices are registered. */
  readonly sites = new Map<string, string>();
  readonly scopes = new SeriesScopes(this.registry, {
    siteOf: (device) => this.sites.get(device) ?? "",
    seriesOf: (device) =>
      [...this.registry.metrics()]
        .flatMap((metric) => this.registry.idsOfMetric(metric))
        .filter((id) => deviceOfKey(this.registry.keyOf(id)) === device),
  });
  devices: DeviceStandings | undefined;
  /** Other nodes may evaluate rules. */
  isSpread = false;
  /** What the desk wants of what comes to others. */
  readonly wanted = new Set<SeriesMatcher>();
  /** What is asked for of the past does not come. */
  isHistoryStuck = false;
  readonly #evaluators = new Map<string, { readonly evaluator: Evaluator; leave(): void }>();
  readonly #history: AlertsDeps["history"] = {
    pointsFrom: async (seriesIds, fromUs, asOfS) => {
      if (this.isHistoryStuck) await new Promise(() => {});
      return this.#pointsFrom(seriesIds, fromUs, asOfS);
    },
    hours: async (seriesIds, fromUs, toUs) => this.#hours(seriesIds, fromUs, toUs),
    firstTimes: async (seriesIds) => Float64Array.from(seriesIds, (id) => this.#points.get(id)?.[0].timeUs ?? NaN),
    usualGapsMs: async (seriesIds) => Float64Array.from(seriesIds, (id) => this.#usualGapMs(id)),
  };
  readonly #latestOf = (seriesId: number) => this.#points.get(seriesId)?.at(-1);

  async open(): Promise<void> {
    const clock = new RunClock(this.clock);
    const alerts = await openAlerts(
      {
        registry: this.registry,
        scopes: this.scopes,
        bus: this.#bus,
        clock,
        journal: this.journal,
        ...(this.lasting && { lasting: this.lasting }),
        latest: this.#latest(),
        newestArrivalMs: this.#newestArrivalMs,
        arrivingSinceMs: () => this.#arriving[0]?.arrivalMs ?? Infinity,
        history: this.#history,
        ...(this.isSpread && {
          spreading: {
            ...{ nodeId: "desk", latestOf: this.#latestOf, wantedAfterMs: 0 },
            want: (matcher) => (this.wanted.add(matcher), () => void this.wanted.delete(matcher)),
            cameSince: async (_, afterMs) => this.#frames.filter((frame) => frame.arrivalMs > afterMs),
          },
        }),
        framesAfter: (arrivalMs) => this.#frames.filter((frame) => frame.arrivalMs > arrivalMs),
        staleAfterMs: STALE_AFTER_MS,
        testTimeoutMs: 30_000,
        range: async (query) => this.#range(query),
        newId: () => `alert-${++this.#ids}`,
        newIncidentId: () => `incident-${++this.#incidentIds}`,
        parentsOf: (device) => this.parentsOf(device),
        ...(this.devices && { devices: this.devices }),
        random: () => 0.5,
        garbage: new BurstGarbage({ collectYoung: () => {}, collectAll: () => {}, shrink: () => {} }, clock),
        onTrouble: (sentence) => this.trouble.push(sentence),
        onNotice: (sentence) => this.notices.push(sentence),
      },
      this.file,
    );
    this.#run = { alerts, clock };
    alerts.setHearing(this.#isHearing);
    await this.settle();
  }

  /** As after kill -9: nothing more is written. `awayMs`: until it is there again. */
  async restart(awayMs = 0): Promise<void> {
    await this.settle();
    this.#run!.clock.stop();
    this.#run!.alerts.stop();
    this.#arriving.length = 0;
    this.clock.advance(awayMs);
    await this.open();
  }

  /** A node that is to evaluate all rules that there are. */
  join(): void {
    const rules = [...this.alerts.engine.rules.keys()];
    const nodes = ["desk", ...this.#evaluators.keys()];
    const names = Iterator.from(Array.from({ length: 10_000 }, (_, i) => `n${i}`)).filter(
      (name) => !nodes.includes(name),
    );
    const nodeId = names.find((name) => rules.every((rule) => ruleHolder(rule, [...nodes, name]) === name))!;
    const joined = this.alerts.spread!.join({
      nodeId,
      send: (order) => evaluator.take(create(EvaluationOrderSchema, order)),
      end: () => this.leave(nodeId),
    });
    const evaluator: Evaluator = new Evaluator({
      registry: this.registry,
      marks: OWN_MARKS,
      bus: this.#bus,
      clock: this.clock,
      history: this.#history,
      latestOf: this.#latestOf,
      staleAfterMs: STALE_AFTER_MS,
      want: () => () => {},
      send: (reports) => joined.hear(create(EvaluationReportsSchema, reports)),
      onTrouble: (sentence) => this.trouble.push(sentence),
    });
    this.#evaluators.set(nodeId, { evaluator, leave: () => joined.leave() });
    evaluator.setHearing(this.#isHearing, "");
  }

  /** Those that have no rules any more, or one that dies. */
  leave(...gone: string[]): void {
    for (const nodeId of gone) {
      const left = this.#evaluators.get(nodeId);
      this.#evaluators.delete(nodeId);
      left?.evaluator.close();
      left?.leave();
    }
  }

  get evaluators(): readonly string[] {
    return [...this.#evaluators.keys()];
  }

  async close(): Promise<void> {
    await this.#run?.alerts.close();
    this.leave(...this.evaluators);
    this.#run = null;
  }

  async put(...rules: object[]): Promise<void> {
    for (const rule of rules) await this.alerts.rules.put(ruleOf(rule), "eve");
    await this.settle();
  }

  /** Points that come together. */
  async send(...points: SentPoint[]): Promise<void> {
    this.arrive(...points);
    for (const frame of this.#arriving.splice(0)) this.#bus.publish(frame);
    await this.settle();
  }

  /** Points that are in the log, and are heard with those that are sent next. */
  arrive(...points: SentPoint[]): void {
    const nowMs = this.clock.nowMs();
    this.#newestArrivalMs = nowMs;
    const ids = points.map(({ metric, source, tags = {} }) => this.#idOf(metric, source, tags));
    const timesUs = points.map(({ timeMs = nowMs }) => timeMs * 1_000);
    for (const [i, id] of ids.entries()) this.#store(id, timesUs[i], points[i].value, nowMs);
    const frame: Frame = {
      seq: this.#seq++,
      arrivalMs: nowMs,
      count: points.length,
      seriesIds: Uint32Array.from(ids),
      timesUs: Float64Array.from(timesUs),
      values: Float64Array.from(points, ({ value }) => value),
    };
    this.#frames.push(frame);
    this.#arriving.push(frame);
  }

  /** Whether points get through: of this run and later ones. */
  setHearing(isHearing: boolean): void {
    this.#isHearing = isHearing;
    for (const { evaluator } of this.#evaluators.values()) evaluator.setHearing(isHearing, "");
    this.alerts.setHearing(isHearing);
  }

  /** A device is registered with another site. */
  move(device: string, site: string): void {
    this.sites.set(device, site);
    this.scopes.moved(device);
  }

  /** Deletes a series of a source: "temp/a". */
  forget(name: string): void {
    const [metric, source] = name.split("/");
    const ids = this.registry.idsOfMetric(metric).filter((id) => this.registry.identityOf(id).source === source);
    if (ids.length === 0) throw new Error(`there is no series of ${name}`);
    for (const id of ids) this.#points.delete(id);
    this.registry.forget([...ids]);
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.settle();
  }

  /** The same timer by timer: what one sets off is done before the next. */
  async pass(ms: number): Promise<void> {
    const endMs = this.clock.monotonicMs() + ms;
    for (;;) {
      const leftMs = endMs - this.clock.monotonicMs();
      const { dueInMs } = this.clock;
      this.clock.advance(Math.max(0, Math.min(leftMs, dueInMs)));
      await this.settle();
      if (dueInMs > leftMs) return;
    }
  }

  /** Lets everything come to rest that does not wait for time. */
  async settle(): Promise<void> {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  }

  /** Everything that alerts have written: seconds, rule and series, what happened. */
  transcript(): string[] {
    return this.journal.entries
      .filter(({ kind }) => kind !== "rule")
      .map((entry) => {
        const at = `${(entry.atMs - START_MS) / 1_000}s`;
        if (entry.kind === "alert") {
          const { change, alert, text } = eventFromJson(entry.payload);
          const who = entry.actor === "" ? "" : ` by ${entry.actor}`;
          const because = change === "cleared" && alert.clearedBecause !== "resolved" ? ` ${alert.clearedBecause}` : "";
          const range = change === "late" ? ` ${this.#ago(alert.firedAtMs)}..${this.#ago(alert.clearedAtMs!)}` : "";
          const marks = `${alert.isStale ? " stale" : ""}${alert.acknowledged === null ? "" : " ack"}`;
          const value = Number.isNaN(alert.value) ? "" : ` ${Number(alert.value.toPrecision(6))}`;
          const said = text === "" ? "" : ` "${text}"`;
          return `${at} ${alert.rule}/${alert.source || Object.values(alert.labels).join(",")} ${change}${because}${range} ${alert.severity}${value}${marks}${who}${said}`;
        }
        const { change, rule, key } = JSON.parse(entry.payload) as { change: string; rule: string; key: string };
        return `${at} ${rule}/${this.#nameOf(key)} ${change}`;
      });
  }

  #ago(timeMs: number): string {
    return `${(timeMs - START_MS) / 1_000}s`;
  }

  #nameOf(key: string): string {
    if (key === "") return "";
    return key.startsWith("[")
      ? (JSON.parse(key) as string[]).join(",")
      : parseSeriesKey(this.registry.keyOf(Number(key))).source;
  }

  #idOf(metric: string, source: string, tags: Readonly<Record<string, string>>): number {
    const key = seriesKey(metric, source, Object.entries(tags));
    const id = this.registry.idOf(key) ?? this.registry.add(key, source);
    if (typeof id === "string") throw new Error(id);
    return id;
  }

  #store(id: number, timeUs: number, value: number, arrivalMs: number): void {
    let points = this.#points.get(id);
    if (points === undefined) this.#points.set(id, (points = []));
    let [at, end] = [0, points.length];
    while (at < end) {
      const middle = (at + end) >>> 1;
      if (points[middle].timeUs < timeUs) at = middle + 1;
      else end = middle;
    }
    const before = points[at]?.timeUs === timeUs ? points[at] : undefined;
    points.splice(at, before === undefined ? 0 : 1, { timeUs, value, arrivalMs, before });
  }

  #latest() {
    const all = [...this.#points].sort(([a], [b]) => a - b);
    return {
      seriesIds: Uint32Array.from(all, ([id]) => id),
      timesUs: Float64Array.from(all, ([, points]) => points.at(-1)!.timeUs),
      values: Float64Array.from(all, ([, points]) => points.at(-1)!.value),
    };
  }

  /** Between batches, as whoever hears them knows it. */
  #usualGapMs(id: number): number {
    const arrivalsMs = (this.#points.get(id) ?? []).map(({ arrivalMs }) => arrivalMs);
    const batches = new Set(arrivalsMs).size;
    return batches < 2 ? NaN : (Math.max(...arrivalsMs) - Math.min(...arrivalsMs)) / (batches - 1);
  }

  /** Every point is taken for an hour. */
  #hours(seriesIds: Uint32Array, fromUs: number, toUs: number): HourlyPart {
    const part = this.#range({ seriesIds, fromUs, toUs, stepUs: 0, pointsMax: Infinity });
    return { ...part, deviations: new Float64Array(part.values.length) };
  }

  #range({ seriesIds, fromUs, toUs, stepUs }: RangeQuery): RangeResult {
    const rows = Array.from(seriesIds, (id) =>
      (this.#points.get(id) ?? []).filter(({ timeUs }) => timeUs >= fromUs && timeUs < toUs),
    );
    // Asked for in steps only to be counted.
    const parts = stepUs === 0 ? rows : rows.map((part) => [{ timeUs: fromUs, value: part.length }]);
    const offsets = new Uint32Array(parts.length + 1);
    for (const [i, { length }] of parts.entries()) offsets[i + 1] = offsets[i] + length;
    const all = parts.flat();
    return {
      slots: Uint32Array.from(seriesIds.keys()),
      offsets,
      timesUs: Float64Array.from(all, ({ timeUs }) => timeUs),
      values: Float64Array.from(all, ({ value }) => value),
      resolutionUs: 0,
      isCoarse: false,
      isDamaged: false,
      pointsRead: 0,
      next: null,
    };
  }

  #pointsFrom(seriesIds: Uint32Array, fromUs: number, asOfS = Infinity): HistoryPart {
    const parts = Array.from(seriesIds, (id) =>
      (this.#points.get(id) ?? []).flatMap((point) => (point.timeUs < fromUs ? [] : (asOf(point, asOfS) ?? []))),
    );
    const offsets = new Uint32Array(parts.length + 1);
    for (const [i, { length }] of parts.entries()) offsets[i + 1] = offsets[i] + length;
    const all = parts.flat();
    return {
      offsets,
      timesUs: Float64Array.from(all, ({ timeUs }) => timeUs),
      values: Float64Array.from(all, ({ value }) => value),
    };
  }
}

/** What stood there at the end of a second. */
function asOf(point: StoredPoint | undefined, asOfS: number): StoredPoint | undefined {
  return point === undefined || Math.floor(point.arrivalMs / 1_000) <= asOfS ? point : asOf(point.before, asOfS);
}

/** The clock of one run: its timers end with it. */
class RunClock implements Clock {
  readonly #clock: ManualClock;
  #isStopped = false;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  stop(): void {
    this.#isStopped = true;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  after(delayMs: number, run: () => void): () => void {
    return this.#clock.after(delayMs, () => {
      if (!this.#isStopped) run();
    });
  }
}
