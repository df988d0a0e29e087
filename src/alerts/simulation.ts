/**
 * Rules over points of the past, on a clock of their own: the same engine as live, and nothing is written down or told.
 * Points come at their own time.
 */
import type { Clock } from "../model/clock.ts";
import type { Frame } from "../model/frame.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { ClearedBecause, Description } from "./alert.ts";
import { describe, describeMet } from "./describe.ts";
import { Engine } from "./engine.ts";
import type { Change } from "./instance-listener.ts";
import type { Instance } from "./instance.ts";
import { severityOf, type Rule } from "./rule.ts";
import type { SeasonalProfiles } from "./seasonal-profiles.ts";
import { rankOf, type Severity } from "./severity.ts";

/** One alert that would have been. */
export interface Episode {
  readonly rule: string;
  /** As its severity moved last, or its condition was met last where that is over, or the test. */
  says: Description;
  readonly sinceMs: number;
  readonly firedAtMs: number;
  /** Null: it fires at the end. */
  clearedAtMs: number | null;
  clearedBecause: ClearedBecause | null;
  severity: Severity;
  severityMax: Severity;
  /** Points that moved its severity, with it. */
  readonly severities: { readonly atMs: number; readonly severity: Severity }[];
}

export interface SimulationOptions {
  /** When it begins. */
  readonly fromMs: number;
  /** Silence after which a series is stale whose usual gaps are not known. */
  readonly staleAfterMs: number;
  /** Past that nothing more is kept. */
  readonly episodesMax: number;
  readonly profiles: SeasonalProfiles;
}

export class Simulation implements Disposable {
  /** In the order in which they fired. */
  readonly episodes: Episode[] = [];
  /** There were more than may be kept. */
  isCut = false;
  readonly #registry: SeriesRegistry;
  readonly #clock: SimulatedClock;
  readonly #engine: Engine;
  readonly #episodesMax: number;
  readonly #firing = new Map<Instance, Episode>();

  constructor(rules: readonly Rule[], registry: SeriesRegistry, options: SimulationOptions) {
    const { fromMs, staleAfterMs, episodesMax, profiles } = options;
    this.#registry = registry;
    this.#episodesMax = episodesMax;
    this.#clock = new SimulatedClock(fromMs);
    this.#engine = new Engine({
      registry,
      clock: this.#clock,
      staleAfterMs,
      newestArrivalMs: NaN,
      profiles,
      listener: {
        onChange: (instance, change, reason) => this.#hear(instance, change, reason),
        onLate: () => {},
        onGone: () => {},
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

  /** Points of one time, not before what was given before. */
  apply(frame: Frame): void {
    this.advance(frame.arrivalMs);
    this.#engine.apply(frame);
  }

  /** Lets time pass. */
  advance(toMs: number): void {
    for (;;) {
      const dueMs = this.#engine.nextWakeMs;
      if (dueMs >= toMs) break;
      this.#clock.moveTo(dueMs);
      this.#engine.wake();
    }
    this.#clock.moveTo(toMs);
  }

  /** What is due at the very end, too. */
  end(toMs: number): void {
    this.advance(toMs);
    this.#engine.wake();
    for (const [instance, episode] of this.#firing) this.#describeMet(instance, episode);
  }

  [Symbol.dispose](): void {
    this.#engine.close();
  }

  /** What fires now. */
  firing(): Iterable<Episode> {
    return this.#firing.values();
  }

  #hear(instance: Instance, change: Change, reason: ClearedBecause): void {
    switch (change) {
      case "fired":
        return this.#fire(instance);
      case "rose":
      case "fell":
        return this.#move(instance);
      case "keeping":
        return this.#describeMet(instance, this.#firing.get(instance));
      case "cleared":
        return this.#clear(instance, reason);
      default:
    }
  }

  #fire(instance: Instance): void {
    const severity = severityOf(instance.rule, instance.lifecycle.shown);
    const firedAtMs = instance.clockUs / 1_000;
    const episode: Episode = {
      rule: instance.rule.name,
      says: describe(instance, severity, this.#registry),
      sinceMs: instance.lifecycle.sinceUs / 1_000,
      firedAtMs,
      clearedAtMs: null,
      clearedBecause: null,
      severity,
      severityMax: severity,
      severities: [{ atMs: firedAtMs, severity }],
    };
    this.#firing.set(instance, episode);
    if (this.episodes.length < this.#episodesMax) this.episodes.push(episode);
    else this.isCut = true;
  }

  #move(instance: Instance): void {
    const episode = this.#firing.get(instance);
    if (episode === undefined) return;
    const severity = severityOf(instance.rule, instance.lifecycle.shown);
    episode.severity = severity;
    episode.says = describe(instance, severity, this.#registry);
    if (rankOf(severity) > rankOf(episode.severityMax)) episode.severityMax = severity;
    episode.severities.push({ atMs: instance.clockUs / 1_000, severity });
  }

  #clear(instance: Instance, because: ClearedBecause): void {
    const episode = this.#firing.get(instance);
    if (episode === undefined) return;
    this.#firing.delete(instance);
    this.#describeMet(instance, episode);
    episode.clearedAtMs = instance.clockUs / 1_000;
    episode.clearedBecause = because;
  }

  #describeMet(instance: Instance, episode: Episode | undefined): void {
    if (episode === undefined) return;
    episode.says = describeMet(instance, episode.severity, this.#registry, episode.says);
  }
}

/** Stands where it is put; whoever wants to be woken is asked for it. */
class SimulatedClock implements Clock {
  #nowMs: number;

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  moveTo(nowMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(): () => void {
    return () => {};
  }
}
