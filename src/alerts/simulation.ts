/**
 * Rules over points of the past, on a clock of their own: the same engine and the same book of alerts as live, and nothing
 * is written down or told: {@link SimulatedTelling} says who would have been. Points come at their own time.
 */
import type { Clock } from "../model/clock.ts";
import type { Frame } from "../model/frame.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { SeesSeries } from "../model/series-scopes.ts";
import { AlertBook, type Told } from "./alert-book.ts";
import type { ClearedBecause, Description } from "./alert.ts";
import { describe, describeLate, describeMet } from "./describe.ts";
import { describeDevice, isOfDevice } from "./describe-device.ts";
import { deviceOfPlace } from "./device-rules.ts";
import { Engine } from "./engine.ts";
import { CORRELATION, Incidents } from "./incidents.ts";
import { PublishedAlerts } from "./published-alerts.ts";
import type { Rule } from "./rule.ts";
import type { SeasonalProfiles } from "./seasonal-profiles.ts";
import type { Severity } from "./severity.ts";
import type { SimulatedDevices } from "./simulated-devices.ts";
import { SimulatedTelling, type TellingSetup } from "./simulated-telling.ts";

/** One alert that would have been. */
export interface Episode {
  readonly rule: string;
  /** As its condition was met last, as far as that is known where it is over. */
  says: Description;
  readonly sinceMs: number;
  readonly firedAtMs: number;
  /** Null: it fires at the end. */
  clearedAtMs: number | null;
  clearedBecause: ClearedBecause | null;
  severity: Severity;
  severityMax: Severity;
  /** How it moved, from when it fired. */
  readonly severities: { readonly atMs: number; readonly severity: Severity }[];
  /** When somebody first was told that it fires, and it was among those that are named; null: nobody was. */
  toldAtMs: number | null;
}

export interface SimulationOptions {
  /** When it begins. */
  readonly fromMs: number;
  /** Silence after which a series is stale whose usual gaps are not known. */
  readonly staleAfterMs: number;
  /** Past that nothing more is kept. */
  readonly episodesMax: number;
  readonly profiles: SeasonalProfiles;
  /** Whoever has them stand otherwise lets time pass before. Left out: there are none. */
  readonly devices?: SimulatedDevices;
  /** Other series are left out; left out itself: none is. */
  readonly seesSeries?: SeesSeries;
  /** Left out: nobody is told. */
  readonly telling?: TellingSetup;
  /** Of notifications, and of steps of escalation; 0 where it is left out. */
  readonly toldMax?: number;
}

/** So often incidents that are over are forgotten, once nothing can join them. */
const TIDY_MS = 3_600_000;
const OVER_FOR_MS = 60_000;
const ALWAYS = () => true;

export class Simulation implements Disposable {
  /** In the order in which they fired. */
  readonly episodes: Episode[] = [];
  /** There were more than may be kept. */
  isCut = false;
  readonly #clock: SimulatedClock;
  readonly #engine: Engine;
  readonly #book: AlertBook;
  /** Undefined: nobody is told. */
  readonly telling: SimulatedTelling | undefined;
  readonly #episodesMax: number;
  /** By the ids of their alerts. */
  readonly #firing = new Map<string, Episode>();
  #tidyAtMs: number;

  constructor(rules: readonly Rule[], registry: SeriesRegistry, options: SimulationOptions) {
    const { fromMs, staleAfterMs, episodesMax, profiles, devices, seesSeries, telling, toldMax = 0 } = options;
    this.#episodesMax = episodesMax;
    this.#clock = new SimulatedClock(fromMs);
    this.#tidyAtMs = fromMs + TIDY_MS;
    let [alerts, incidents] = [0, 0];
    this.#book = new AlertBook({
      // Nobody reads it, and it is told of at once.
      writer: { write: (writing) => writing.told(null) },
      clock: this.#clock,
      newId: () => String(++alerts),
      incidents: new Incidents(telling?.correlation ?? CORRELATION, () => String(++incidents)),
      atMs: () => this.#engine.atMs(),
      reset: (instance) => this.#engine.reset(instance),
      isKnown: async () => false,
      describe: (instance, severity) => {
        if (!isOfDevice(instance)) return describe(instance, severity, registry);
        const device = deviceOfPlace(instance.place);
        return describeDevice(instance.rule, device, devices?.get(device), severity);
      },
      describeMet: (instance, severity, before) =>
        isOfDevice(instance) ? before : describeMet(instance, severity, registry, before),
      describeLate: (instance, probe, severity, value) => describeLate(instance, probe, severity, value, registry),
    });
    this.#book.follow((told) => this.#hear(told));
    const byName = new Map(rules.map((rule) => [rule.name, rule]));
    this.telling =
      telling &&
      new SimulatedTelling({
        setup: telling,
        clock: this.#clock,
        book: this.#book,
        published: new PublishedAlerts(this.#book, this.#clock),
        ruleOf: (name) => byName.get(name),
        keptMax: toldMax,
        onTold: (alertId) => this.#noteTold(alertId),
      });
    this.#engine = new Engine({
      registry,
      clock: this.#clock,
      staleAfterMs,
      newestArrivalMs: NaN,
      profiles,
      ...(devices && { devices }),
      ...(seesSeries && { seesSeries }),
      listener: {
        onChange: (instance, change, reason) => this.#book.onChange(instance, change, reason),
        onLate: () => {},
        onGone: (instance) => this.#book.end(instance, "series_deleted"),
      },
    });
    this.#engine.start();
    this.#engine.add(rules.map((rule) => ({ rule, sinceMs: -Infinity })));
  }

  /** Ids of the series that the rules are bound to, ascending. */
  seriesIds(): Uint32Array {
    const ids = new Set<number>();
    for (const { instances } of this.#engine.rules.values()) {
      for (const { probes } of instances.values()) for (const { seriesId } of probes) ids.add(seriesId);
    }
    return Uint32Array.from(ids).sort();
  }

  /** Points of one time, not before what was given before. Who is told of what they say is looked at as time passes. */
  apply(frame: Frame): void {
    this.advance(frame.arrivalMs);
    this.#engine.apply(frame);
  }

  /**
   * Lets time pass. `mayGoOn` is asked between its steps: where it says no this returns false, and is to be called once more
   * before anything else.
   */
  advance(toMs: number, mayGoOn = ALWAYS): boolean {
    for (;;) {
      if (this.telling?.run(mayGoOn) === false) return false;
      const wakeMs = this.#clock.wallMs(this.#engine.nextWakeMs);
      const tellMs = this.telling?.nextMs ?? Infinity;
      // What comes with time comes after what points of that time say; people are told before that.
      if (wakeMs >= toMs && tellMs > toMs) break;
      if (!mayGoOn()) return false;
      this.#clock.moveTo(Math.min(wakeMs, tellMs));
      if (wakeMs < toMs && wakeMs <= tellMs) this.#engine.wake();
      this.#tidy();
    }
    this.#clock.moveTo(toMs);
    this.#tidy();
    return true;
  }

  /** What is due at the very end, too. */
  end(toMs: number): void {
    this.advance(toMs);
    this.#engine.wake();
    this.telling?.run(ALWAYS);
    for (const [alertId, episode] of this.#firing) episode.says = this.#book.current(this.#book.get(alertId)!).says;
  }

  [Symbol.dispose](): void {
    this.#engine.close();
  }

  /** What fires now. */
  firing(): Iterable<Episode> {
    return this.#firing.values();
  }

  #hear({ alert, change, atMs }: Told): void {
    // That nobody answers is no alert of a rule.
    if (alert.isPublished) return;
    const { rule, says, sinceMs, firedAtMs, clearedAtMs, clearedBecause, severity, severityMax } = alert;
    let episode = this.#firing.get(alert.id);
    if (episode === undefined) {
      const severities = [{ atMs: firedAtMs, severity }];
      const ended = { clearedAtMs, clearedBecause };
      episode = { rule, says, sinceMs, firedAtMs, ...ended, severity, severityMax, severities, toldAtMs: null };
      this.#firing.set(alert.id, episode);
      if (this.episodes.length < this.#episodesMax) this.episodes.push(episode);
      else this.isCut = true;
      return;
    }
    Object.assign(episode, { says, clearedAtMs, clearedBecause, severity, severityMax });
    if (change === "rose" || change === "fell") episode.severities.push({ atMs, severity });
    if (clearedAtMs !== null) this.#firing.delete(alert.id);
  }

  #noteTold(alertId: string): void {
    const episode = this.#firing.get(alertId);
    if (episode !== undefined) episode.toldAtMs ??= this.#clock.nowMs();
  }

  #tidy(): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs < this.#tidyAtMs) return;
    this.#tidyAtMs = nowMs + TIDY_MS;
    this.#book.takeOverBefore(nowMs - OVER_FOR_MS);
  }
}

/** Stands where it is put; whoever wants to be woken is asked for it. Its monotonic time begins near 0, as it does live. */
class SimulatedClock implements Clock {
  /** Whole milliseconds, so that nothing is lost between the two times. */
  readonly #fromMs: number;
  #nowMs: number;

  constructor(nowMs: number) {
    this.#fromMs = Math.floor(nowMs);
    this.#nowMs = nowMs;
  }

  moveTo(nowMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
  }

  /** Of a monotonic time. */
  wallMs(monotonicMs: number): number {
    return this.#fromMs + monotonicMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs - this.#fromMs;
  }

  after(): () => void {
    return () => {};
  }
}
