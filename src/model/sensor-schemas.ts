/**
 * What sensors are registered with, as readings are judged and shown by it: units, and ranges of valid values. Found by device
 * and metric; the ranges also stand in columns by series id, for each reading is held to them.
 */
import { deviceOfKey, metricOfKey } from "./series-key.ts";
import type { SeriesRegistry } from "./series-registry.ts";

export interface SensorSchema {
  /** "": none. */
  readonly unit: string;
  /** -Infinity: no bound. */
  readonly validMin: number;
  /** Infinity: no bound. */
  readonly validMax: number;
  /** Whether readings outside are not stored; otherwise they are stored and counted. */
  readonly refusesOutside: boolean;
}

/** By metric name. */
export type DeviceSchemas = ReadonlyMap<string, SensorSchema>;

/** What becomes of a reading. */
export const [FITS, FLAGGED, REFUSED] = [0, 1, 2] as const;

export class SensorSchemas {
  readonly #registry: SeriesRegistry;
  readonly #byDevice = new Map<string, DeviceSchemas>();
  readonly #listeners = new Set<(seriesIds: readonly number[]) => void>();
  /** What becomes of readings outside, by series id. */
  #policies = new Uint8Array(0);
  #mins = new Float64Array(0);
  #maxs = new Float64Array(0);
  #outside = new Map<number, number>();
  #held = 0;

  constructor(registry: SeriesRegistry) {
    this.#registry = registry;
    registry.onAdded((id) => this.#hold(id));
    registry.onForgotten((ids) => ids.forEach((id) => this.#release(id)));
  }

  /** Whether any series is held to a range: if not, {@link judge} need not be asked. */
  get areHeld(): boolean {
    return this.#held > 0;
  }

  /** Puts schemas of devices in place of what they had; undefined: none. One pass over the series of their metrics. */
  set(changes: ReadonlyMap<string, DeviceSchemas | undefined>): void {
    const metrics = new Set<string>();
    for (const [device, schemas] of changes) {
      for (const metric of this.#byDevice.get(device)?.keys() ?? []) metrics.add(metric);
      for (const metric of schemas?.keys() ?? []) metrics.add(metric);
      if (schemas === undefined || schemas.size === 0) this.#byDevice.delete(device);
      else this.#byDevice.set(device, schemas);
    }
    const changed: number[] = [];
    for (const metric of metrics) {
      for (const id of this.#registry.idsOfMetric(metric)) {
        if (!changes.has(deviceOfKey(this.#registry.keyOf(id)))) continue;
        this.#hold(id);
        changed.push(id);
      }
    }
    if (changed.length > 0) this.#listeners.forEach((listener) => listener(changed));
  }

  /** Called with the series whose schemas have changed. Returns what ends it. */
  onChanged(listener: (seriesIds: readonly number[]) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Of the sensor of a series, by its key. */
  schemaOf(key: string): SensorSchema | undefined {
    return this.#byDevice.size === 0 ? undefined : this.#byDevice.get(deviceOfKey(key))?.get(metricOfKey(key));
  }

  /** The same of its unit; "": none. */
  unitOf(key: string): string {
    return this.schemaOf(key)?.unit ?? "";
  }

  /** {@link FITS}, {@link FLAGGED} or {@link REFUSED}. */
  judge(seriesId: number, value: number): number {
    if (seriesId >= this.#policies.length) return FITS;
    const policy = this.#policies[seriesId];
    if (policy === FITS || (value >= this.#mins[seriesId] && value <= this.#maxs[seriesId])) return FITS;
    return policy;
  }

  /** Counts a reading outside of the range. */
  noteOutside(seriesId: number): void {
    this.#outside.set(seriesId, this.outsideOf(seriesId) + 1);
  }

  /** Readings outside of the range since the start, flagged or refused. */
  outsideOf(seriesId: number): number {
    return this.#outside.get(seriesId) ?? 0;
  }

  /** Why a reading is not stored. */
  refusalOf(seriesId: number, value: number): string {
    const key = this.#registry.keyOf(seriesId);
    const { unit = "", validMin = -Infinity, validMax = Infinity } = this.schemaOf(key) ?? {};
    const shown = (bound: number) => (unit === "" ? String(bound) : `${bound} ${unit}`);
    const wanted =
      validMin === -Infinity
        ? `at most ${shown(validMax)}`
        : validMax === Infinity
          ? `at least ${shown(validMin)}`
          : `${validMin} to ${shown(validMax)}`;
    return `value is ${shown(value)}; ${metricOfKey(key)} of device ${JSON.stringify(deviceOfKey(key))} wants ${wanted}`;
  }

  #hold(id: number): void {
    const schema = this.schemaOf(this.#registry.keyOf(id));
    const isHeld = schema !== undefined && (schema.validMin > -Infinity || schema.validMax < Infinity);
    if (!isHeld) return this.#release(id);
    if (id >= this.#policies.length) this.#reach(id);
    if (this.#policies[id] === FITS) this.#held++;
    this.#policies[id] = schema.refusesOutside ? REFUSED : FLAGGED;
    this.#mins[id] = schema.validMin;
    this.#maxs[id] = schema.validMax;
  }

  #release(id: number): void {
    if (id >= this.#policies.length || this.#policies[id] === FITS) return;
    this.#policies[id] = FITS;
    this.#held--;
    this.#outside.delete(id);
  }

  #reach(id: number): void {
    const length = Math.max(1_024, 2 * this.#policies.length, id + 1);
    const [policies, mins, maxs] = [new Uint8Array(length), new Float64Array(length), new Float64Array(length)];
    policies.set(this.#policies);
    mins.set(this.#mins);
    maxs.set(this.#maxs);
    [this.#policies, this.#mins, this.#maxs] = [policies, mins, maxs];
  }
}
