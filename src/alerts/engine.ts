/**
 * Rules over the points that come in: binds them to series when either appears, feeds their instances, and wakes those
 * that are due. What they say goes to the listener at once and in order.
 */
import type { Clock } from "../model/clock.ts";
import type { DeviceStandings } from "../model/device-standing.ts";
import type { Frame } from "../model/frame.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { SeesSeries } from "../model/series-scopes.ts";
import { BoundProbes, NO_ROW } from "./bound-probes.ts";
import { boundRule, type BoundRule } from "./bound-rule.ts";
import { deviceOfPlace, DeviceRules, NO_DEVICES, placeOfDevice } from "./device-rules.ts";
import type { InstancePlace } from "./evaluated-rule.ts";
import { HeardTime } from "./heard-time.ts";
import type { InstanceListener } from "./instance-listener.ts";
import { Instance } from "./instance.ts";
import { NOT_TAKEN, TAKEN } from "./probe-rows.ts";
import type { Probe } from "./probe.ts";
import { RuleIndex } from "./rule-index.ts";
import type { Rule } from "./rule.ts";
import type { SeasonalProfiles } from "./seasonal-profiles.ts";
import { seriesOfKey, type SeriesMarks } from "./series-marks.ts";
import { placeOfSeries, seriesOfRule } from "./series-of-rule.ts";
import { WakeQueue } from "./wake-queue.ts";
import { WakeTimer } from "./wake-timer.ts";
import { WallTime } from "./wall-time.ts";

export interface EngineDeps {
  readonly registry: SeriesRegistry;
  readonly clock: Clock;
  readonly listener: InstanceListener;
  /** Silence after which a series is stale whose usual gaps are not known. */
  readonly staleAfterMs: number;
  /** Of what is stored; NaN where nothing is. */
  readonly newestArrivalMs: number;
  readonly profiles: SeasonalProfiles;
  /** Left out: there are none. */
  readonly devices?: DeviceStandings;
  /** Others are left out; left out itself: none is. */
  readonly seesSeries?: SeesSeries;
  /** How series are written down; left out: by their ids. */
  readonly marks?: SeriesMarks;
}

/** More rules than these are bound in one pass over all series, fewer each by what it names. */
const RULES_BY_THEMSELVES_MAX = 8;
/** Of an instance that is gone: the queue takes it no more, and lets go of it. */
const NEVER_AGAIN_MS = -Infinity;
/** The place of an instance that has none. */
const NO_SERIES = 0;
/** Of no instance. */
const NOT_KNOWN = -1;

export class Engine {
  readonly #deps: EngineDeps;
  readonly #rules = new Map<string, BoundRule>();
  readonly #index = new RuleIndex<BoundRule>();
  readonly #devices: DeviceRules<BoundRule>;
  readonly #probes = new BoundProbes();
  readonly #queue = new WakeQueue<Instance>();
  readonly #unsettled = new Set<Instance>();
  readonly #wallTime: WallTime;
  #isRunning = false;
  readonly #unsubscribe: readonly (() => void)[];
  readonly #time: HeardTime;
  readonly #timer: WakeTimer;
  /** Points that were held against rules since the start, and how late a time came at most, until that is set back. */
  readonly counts = { evaluations: 0, lateMsMax: 0 };

  constructor(deps: EngineDeps) {
    this.#deps = deps;
    this.#devices = new DeviceRules(deps.devices ?? NO_DEVICES, (...of) => this.#judge(...of));
    this.#time = new HeardTime(deps.clock);
    this.#timer = new WakeTimer(deps.clock, () => this.wake());
    this.#wallTime = new WallTime(deps.newestArrivalMs, deps.clock.monotonicMs());
    this.#unsubscribe = [
      deps.registry.onAdded((id, metric) => this.#bindSeries(id, metric, () => true)),
      deps.registry.onForgotten((ids) => this.#forget(ids)),
    ];
  }

  get rules(): ReadonlyMap<string, BoundRule> {
    return this.#rules;
  }

  /** Puts rules in force whose names are not taken. */
  add(rules: readonly { readonly rule: Rule; readonly sinceMs: number }[]): void {
    const fresh = rules.map(({ rule, sinceMs }) => boundRule(rule, sinceMs, this.#deps));
    for (const bound of fresh) this.#rules.set(bound.rule.name, bound);
    const enabled = fresh.filter(({ rule }) => !rule.isDisabled);
    for (const bound of enabled) {
      const { kind } = bound.rule.condition;
      if (kind === "device") this.#devices.add(bound);
      else if (kind !== "watchdog") this.#index.add(bound);
      else {
        this.#instance(bound, NO_SERIES);
        if (this.#isRunning) this.#raise(bound);
      }
    }
    if (enabled.length > RULES_BY_THEMSELVES_MAX) this.#bindAll(new Set(enabled));
    else for (const bound of enabled) for (const id of seriesOfRule(bound, this.#deps.registry)) this.#bind(bound, id);
    this.#armTimer();
  }

  /** The same of a rule that another node evaluates until {@link reclaim}. */
  addLent(rule: Rule, sinceMs: number): BoundRule {
    const bound = boundRule(rule, sinceMs, this.#deps);
    bound.isLent = true;
    this.#rules.set(rule.name, bound);
    return bound;
  }

  /** All is restored: what is always met is met from now on, unless it was before. */
  start(): void {
    this.#isRunning = true;
    this.#devices.start();
    for (const bound of this.#rules.values()) {
      if (bound.rule.condition.kind === "watchdog" && !bound.rule.isDisabled) this.#raise(bound);
    }
  }

  /** Takes a rule out of force; its instances have ended, and say nothing of that themselves. */
  remove(name: string): BoundRule | undefined {
    const bound = this.#rules.get(name);
    if (bound === undefined) return undefined;
    this.#rules.delete(name);
    this.#index.delete(bound);
    this.#devices.delete(bound);
    for (const instance of bound.instances.values()) this.#letGo(instance);
    return bound;
  }

  /** Another node evaluates a rule from now on: what is open of it stays as it stands, until that says otherwise. */
  lend(bound: BoundRule): void {
    bound.isLent = true;
    this.#index.delete(bound);
    for (const [place, instance] of bound.instances) {
      this.#letGo(instance);
      this.#unsettled.delete(instance);
      instance.probes = [];
      instance.isUnsettled = false;
      if (!instance.isOpen) bound.instances.delete(place);
    }
    bound.series = 0;
  }

  /** Inverse of {@link lend}: open instances go on where they stand. Those of which no series is left end. */
  reclaim(bound: BoundRule): void {
    const atMs = this.#atMs();
    const open = Array.from(bound.instances.values(), (instance) => [instance, instance.save(atMs)] as const);
    for (const [instance] of open) {
      instance.lead = null;
      instance.wakesAtMs = Infinity;
    }
    bound.isLent = false;
    this.#index.add(bound);
    for (const id of seriesOfRule(bound, this.#deps.registry)) this.#bind(bound, id);
    for (const [instance, saved] of open) {
      instance.restore(saved, atMs);
      this.#queue.schedule(instance, atMs);
      if (instance.probes.length > 0) continue;
      this.#letGo(instance);
      bound.instances.delete(instance.place);
      this.#deps.listener.onGone(instance);
    }
    this.#armTimer();
  }

  /** Takes a committed frame. */
  apply(frame: Frame): void {
    this.#take(frame, this.#wallTime.shiftOf(frame.arrivalMs, this.#deps.clock.monotonicMs()) * 1_000);
    // What comes with time comes after what points of that time say.
    this.wake();
  }

  /** Takes a frame that came to the run before `agoMs` before its end, and of which it may have evaluated some. `only`: for these rules. */
  replay({ arrivalMs, count, seriesIds, timesUs, values }: Frame, agoMs: number, only?: ReadonlySet<object>): void {
    const { listener } = this.#deps;
    const atMs = this.#atMs() - agoMs;
    const arrivalUs = arrivalMs * 1_000;
    for (let i = 0; i < count; i++) {
      for (const probe of this.probesOf(seriesIds[i])) {
        const { instance } = probe;
        if (only?.has(instance.shared) === false) continue;
        if (arrivalMs <= this.#rules.get(instance.rule.name)!.sinceMs) continue;
        const clockUs = probe.clockOf(timesUs[i], arrivalUs);
        if (clockUs <= instance.evaluatedUs) instance.restoreClock(probe, timesUs[i], clockUs, values[i], atMs, atMs);
        else instance.take(probe, timesUs[i], values[i], arrivalUs, atMs, listener);
        if (instance.isUnsettled) this.#unsettled.add(instance);
        else this.#queue.schedule(instance, atMs);
      }
    }
    this.#settleAll(atMs);
  }

  /** When {@link wake} has something to do, on the monotonic clock; Infinity: never. */
  get nextWakeMs(): number {
    return this.#time.comesAtMs(this.#queue.nextAtMs);
  }

  /** Wakes what is due. */
  wake(): void {
    const atMs = this.#atMs();
    this.counts.lateMsMax = Math.max(this.counts.lateMsMax, atMs - this.#queue.nextAtMs);
    for (let instance = this.#queue.take(atMs); instance !== undefined; instance = this.#queue.take(atMs)) {
      instance.wake(atMs, this.#deps.listener);
      this.#queue.schedule(instance, atMs);
    }
    this.#armTimer();
  }

  /** Ends an instance from outside: its condition must hold anew. What always holds does so at once. */
  reset(instance: Instance): void {
    instance.reset(this.#atMs());
    this.schedule(instance);
    const bound = this.#rules.get(instance.rule.name);
    if (bound !== undefined && instance.rule.condition.kind === "watchdog") queueMicrotask(() => this.#raise(bound));
  }

  /** While nobody can be heard, as when points are refused, nobody is silent. `reason`: there may be several. */
  setHearing(isHearing: boolean, reason: string): void {
    if (this.#time.setHearing(isHearing, reason)) this.#armTimer();
  }

  get isHearing(): boolean {
    return this.#time.isHearing;
  }

  /** A series as the instances see it that it is bound to. */
  probesOf(seriesId: number): readonly Probe[] {
    return this.#probes.of(seriesId);
  }

  /** In the time that instances know. */
  atMs(): number {
    return this.#atMs();
  }

  /** Whether any instance waits for a time. */
  isBusy(): boolean {
    return this.#queue.nextAtMs !== Infinity;
  }

  /** Of a key that was written down; undefined where what it was about is gone. */
  restored({ rule, instances, marks }: BoundRule, key: string): Instance | undefined {
    if (rule.condition.kind !== "device" || rule.isDisabled)
      return instances.get((rule.groupBy === undefined ? seriesOfKey(key, marks) : key) ?? NOT_KNOWN);
    return this.#devices.isKnown(deviceOfPlace(key)) ? this.#instance(this.#rules.get(rule.name)!, key) : undefined;
  }

  /** Brings an instance up after it was restored. */
  schedule(instance: Instance): void {
    this.#queue.schedule(instance, this.#atMs());
    this.#armTimer();
  }

  close(): void {
    this.#timer.close();
    this.#devices.close();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  #take({ arrivalMs, count, seriesIds, timesUs, values }: Frame, shiftUs: number): void {
    const { listener } = this.#deps;
    const atMs = this.#atMs();
    const arrivalUs = arrivalMs * 1_000 + shiftUs;
    const probes = this.#probes;
    const { rows } = probes;
    for (let i = 0; i < count; i++) {
      const timeUs = timesUs[i] + shiftUs;
      for (let row = probes.firstRowOf(seriesIds[i]); row !== NO_ROW; row = probes.rowAfter(row)) {
        this.counts.evaluations++;
        const taken = rows.takeCalm(row, timeUs, values[i], arrivalUs, atMs);
        if (taken === TAKEN) continue;
        const probe = probes.at(row);
        if (taken !== NOT_TAKEN) {
          probe.becalm();
          continue;
        }
        const level = probe.takeInOrder(timeUs, values[i], arrivalUs, atMs);
        if (level === probe.level) continue;
        const { instance } = probe;
        if (level >= 0) instance.moved(probe, level, listener);
        else instance.take(probe, timeUs, values[i], arrivalUs, atMs, listener);
        if (instance.isUnsettled) this.#unsettled.add(instance);
        else this.#queue.schedule(instance, atMs);
      }
    }
    this.#settleAll(atMs);
  }

  #settleAll(atMs: number): void {
    for (const instance of this.#unsettled) {
      instance.settle(this.#deps.listener);
      this.#queue.schedule(instance, atMs);
    }
    this.#unsettled.clear();
  }

  /** Its series are heard for it no more. */
  #letGo(instance: Instance): void {
    instance.probes.forEach((probe) => this.#probes.delete(probe));
    instance.wakesAtMs = NEVER_AGAIN_MS;
  }

  #raise(bound: BoundRule): void {
    const { clock, listener } = this.#deps;
    const instance = this.#instance(bound, NO_SERIES);
    instance.judge(true, clock.nowMs() * 1_000, this.#atMs(), listener);
    this.schedule(instance);
  }

  /** A device meets the condition of a rule, or not; undefined: it is gone. */
  #judge(bound: BoundRule, device: string, isMet: boolean | undefined, sinceMs = Infinity): void {
    const { clock, listener } = this.#deps;
    const place = placeOfDevice(device);
    if (!isMet && !bound.instances.has(place)) return;
    const instance = this.#instance(bound, place);
    const nowMs = clock.nowMs();
    if (isMet) instance.lifecycle.beginAt(Math.min(sinceMs, nowMs) * 1_000);
    if (isMet !== undefined) instance.judge(isMet, nowMs * 1_000, this.#atMs(), listener);
    if (!isMet && (isMet === undefined || instance.lifecycle.phase === "quiet")) {
      bound.instances.delete(place);
      instance.wakesAtMs = NEVER_AGAIN_MS;
      if (isMet === undefined) listener.onGone(instance);
    } else this.schedule(instance);
  }

  /** Many rules at once, in one pass over the series. */
  #bindAll(fresh: ReadonlySet<BoundRule>): void {
    const { registry } = this.#deps;
    for (const metric of registry.metrics()) {
      for (const id of registry.idsOfMetric(metric)) this.#bindSeries(id, metric, (bound) => fresh.has(bound));
    }
  }

  #bindSeries(id: number, metric: string, isWanted: (bound: BoundRule) => boolean): void {
    const key = this.#deps.registry.keyOf(id);
    this.#index.forSeries(key, (bound) => {
      if (!isWanted(bound) || !bound.matcher.matchesMetric(metric) || !bound.matcher.matchesKey(key)) return;
      this.#bind(bound, id);
    });
  }

  #bind(bound: BoundRule, seriesId: number): void {
    if (this.#deps.seesSeries?.(seriesId) === false) return;
    const instance = this.#instance(bound, placeOfSeries(bound.rule, seriesId, this.#deps.registry));
    this.#probes.add(instance.bind(seriesId, this.#probes.rows));
    bound.series++;
    if (bound.rule.condition.kind === "absence") this.#queue.schedule(instance, this.#atMs());
  }

  #instance(bound: BoundRule, place: InstancePlace): Instance {
    let instance = bound.instances.get(place);
    if (instance === undefined) {
      instance = new Instance(bound, place, this.#deps.clock.nowMs() * 1_000, this.#atMs());
      bound.instances.set(place, instance);
    }
    return instance;
  }

  #forget(ids: Iterable<number>): void {
    const lent = [...this.#rules.values()].filter((bound) => bound.isLent && bound.instances.size > 0);
    for (const id of ids) {
      this.#unbind(id);
      for (const { instances } of lent) {
        const instance = instances.get(id);
        if (instances.delete(id)) this.#deps.listener.onGone(instance!);
      }
    }
  }

  /** The series is gone. */
  #unbind(seriesId: number): void {
    const { listener } = this.#deps;
    for (const probe of this.probesOf(seriesId)) {
      const { instance } = probe;
      this.#probes.delete(probe);
      const bound = this.#rules.get(instance.rule.name)!;
      bound.series--;
      if (instance.unbind(seriesId, this.#atMs(), listener)) {
        this.schedule(instance);
        continue;
      }
      bound.instances.delete(instance.place);
      instance.wakesAtMs = NEVER_AGAIN_MS;
      listener.onGone(instance);
    }
  }

  #atMs(): number {
    return this.#time.atMs();
  }

  #armTimer(): void {
    if (this.#time.isHearing) this.#timer.wakeAt(this.#queue.nextAtMs, this.#atMs());
  }
}
