/**
 * Which devices are in a scope. It follows from where they are registered and where their series are, which is remembered for each
 * scope until either changes.
 */
import { scopeOf, type Scope } from "../model/access.ts";
import type { Clock } from "../model/clock.ts";
import { WatchpostError } from "../model/errors.ts";
import { sourceOfKey, tagOfKey } from "../model/series-key.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { SeesSeries, SeriesScopes } from "../model/series-scopes.ts";
import type { DeviceBook, DeviceRecord } from "./device-book.ts";
import type { DeviceSeries } from "./device-series.ts";

export interface SeenDevicesDeps {
  readonly book: Pick<DeviceBook, "get" | "at">;
  readonly series: Pick<DeviceSeries, "seriesOf" | "deviceOf" | "idOf">;
  readonly registry: SeriesRegistry;
  readonly scopes: Pick<SeriesScopes, "seesDevice" | "seesWholeDevice" | "seesSeries">;
  readonly clock: Clock;
  readonly journal: { readonly lastPosition: number };
  /** Lets others have a turn. */
  pause(): Promise<void>;
}

/** Devices as whoever calls sees them. */
export interface DeviceSight {
  readonly scope: Scope;
  /** Also of one that is not told yet, or not there: as it would be seen. */
  sees(id: string): boolean;
  /** The same of one that is known. */
  seesRecord(record: DeviceRecord): boolean;
  /** The same, were it registered with that site. */
  seesAt(id: string, site: string): boolean;
  /** Something that happened to it when it was at that site, which it has taken along; of one that is gone what it was is all there is. */
  seesThen(id: string, site: string): boolean;
  /** Nothing of it is out of scope. */
  seesWhole(id: string): boolean;
  readonly seesSeries: SeesSeries;
}

/** What is remembered of one scope. */
interface View {
  /** By device index. */
  bits: Uint8Array;
  /** There was no room for it any more. */
  isOver: boolean;
}

const NOTHING_YET: View = { bits: new Uint8Array(0), isOver: true };
/** Remembered at the same time; each takes a byte a device. */
const SCOPES_MAX = 64;
/** Series that a new one is compared with: where a device has more places than that, each counts as new. */
const COMPARED_MAX = 16;
const LOOKED_AT_REMOVED_MAX = 10_000;
const TELL_AFTER_MS = 200;
const SERIES_AT_ONCE = 20_000;
const [UNKNOWN, UNSEEN, SEEN] = [0, 1, 2];

export class SeenDevices {
  readonly #deps: SeenDevicesDeps;
  /** By the scope's key, the one that was made last at the end. */
  readonly #views = new Map<string, View>();
  readonly #sights = new WeakMap<Scope, DeviceSight>();
  readonly #listeners = new Set<(id: string) => void>();
  /** To be told. */
  #shifted = new Set<string>();
  #cancelTell = () => {};
  readonly #unfollow: () => void;
  /**
   * The journal's position when a device was last in another scope without the journal saying so: for scopes that name sources, and
   * for those that name sites.
   */
  #sourcesShiftedAt: number;
  #sitesShiftedAt: number;

  constructor(deps: SeenDevicesDeps) {
    this.#deps = deps;
    // Of what happened before the start nobody knows.
    this.#sourcesShiftedAt = deps.journal.lastPosition;
    this.#sitesShiftedAt = deps.journal.lastPosition;
    this.#unfollow = deps.registry.onForgotten((ids) => this.#onForgotten(ids));
  }

  of(scope: Scope): DeviceSight {
    const known = this.#sights.get(scope);
    if (known !== undefined) return known;
    const sight = this.#sightOf(scope);
    this.#sights.set(scope, sight);
    return sight;
  }

  #sightOf(scope: Scope): DeviceSight {
    const { book, scopes } = this.#deps;
    const bySite = scopeOf({ sources: [], devices: [], sites: scope.patterns.sites });
    let view = NOTHING_YET;
    const seesRecord = (record: DeviceRecord) => {
      if (scope.isEverything) return true;
      // Its index may be another one's by now.
      if (book.at(record.index) !== record) return scopes.seesDevice(scope, record.id);
      if (view.isOver) view = this.#viewOf(scope);
      return this.#sees(scope, view, record);
    };
    const sees = (id: string) => {
      if (scope.isEverything) return true;
      const record = book.get(id);
      return record === undefined ? scopes.seesDevice(scope, id) : seesRecord(record);
    };
    return {
      scope,
      sees,
      seesRecord,
      seesThen(id, site) {
        if (scope.isEverything) return true;
        const record = book.get(id);
        if (record === undefined) return scope.takes({ source: id, device: id, site });
        if (!seesRecord(record)) return false;
        // What is found in the data says where some of its series are.
        return site === "" || record.stored === undefined || bySite.takes({ source: "", device: "", site });
      },
      seesAt: (id, site) => scopes.seesDevice(scope, id, site),
      seesWhole: (id) => scopes.seesWholeDevice(scope, id),
      seesSeries: scopes.seesSeries(scope),
    };
  }

  /**
   * Throws OUT_OF_RANGE where a reader of the devices in a scope cannot go on behind a position, since devices may have come into the
   * scope, or left it, by where their points came from.
   */
  checkResumable({ patterns: { sources, sites } }: Scope, position: number): void {
    const bySources = sources.length > 0 && position <= this.#sourcesShiftedAt;
    const bySites = sites.length > 0 && position <= this.#sitesShiftedAt;
    if (!bySources && !bySites) return;
    const why = "devices may have come into the scope of this token since, or left it, by where their points came from";
    const message = `cursor cannot be gone on from: ${why}; watch again without it`;
    throw new WatchpostError("OUT_OF_RANGE", message);
  }

  /**
   * Of these ids, those of no device of which there are points out of scope: it was deleted, or there was no room for it. Whoever
   * registers it would see them.
   */
  async takenOf(ids: readonly string[], { scope, seesSeries }: DeviceSight): Promise<ReadonlySet<string>> {
    const taken = new Set<string>();
    if (scope.patterns.sources.length + scope.patterns.sites.length === 0) return taken;
    const { book, series, registry, pause } = this.#deps;
    const free = new Set(ids.filter((id) => book.get(id) === undefined));
    if (free.size === 0) return taken;
    for (let id = 1; id < registry.idEnd; id++) {
      if (id % SERIES_AT_ONCE === 0) await pause();
      if (!registry.has(id) || series.deviceOf(id) >= 0) continue;
      const device = series.idOf(id);
      if (free.has(device) && !seesSeries(id)) taken.add(device);
    }
    return taken;
  }

  /** Calls `listener` with each device that may be in other scopes without the journal saying so, a moment later. Returns what ends it. */
  onShifted(listener: (id: string) => void): () => void {
    const own = (id: string) => listener(id);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** The journal says that it is another one now. */
  changed({ index }: DeviceRecord): void {
    for (const { bits } of this.#views.values()) if (index < bits.length) bits[index] = UNKNOWN;
  }

  /** The same of one that is gone, with its series, which are known still. */
  removed(record: DeviceRecord): void {
    this.changed(record);
    const { registry, series } = this.#deps;
    const { id, index, stored, foundSite } = record;
    // From then on where it was follows from its events alone.
    const site = stored === undefined ? foundSite : stored.site;
    const isRegisteredSite = stored !== undefined && site !== "";
    let looked = 0;
    for (const seriesId of series.seriesOf(index)) {
      const key = registry.keyOf(seriesId);
      if (++looked > LOOKED_AT_REMOVED_MAX) return this.#noteShift(true);
      if (sourceOfKey(key) !== id) this.#noteShift(false);
      if (!isRegisteredSite && siteTagOf(key) !== site) return this.#noteShift(true);
    }
  }

  /** A series was found to be of a device. */
  onSeries(device: number, seriesId: number): void {
    const record = this.#deps.book.at(device);
    if (record !== undefined && this.#isNewPlace(record, seriesId)) this.#shift(record);
  }

  close(): void {
    this.#unfollow();
    this.#cancelTell();
  }

  #sees(scope: Scope, view: View, { id, index }: DeviceRecord): boolean {
    if (index >= view.bits.length) view.bits = grown(view.bits, index + 1);
    if (view.bits[index] === UNKNOWN) view.bits[index] = this.#deps.scopes.seesDevice(scope, id) ? SEEN : UNSEEN;
    return view.bits[index] === SEEN;
  }

  #viewOf({ key }: Scope): View {
    const known = this.#views.get(key);
    if (known !== undefined) return known;
    const view = { bits: new Uint8Array(256), isOver: false };
    this.#views.set(key, view);
    for (const [oldest, other] of this.#views) {
      if (this.#views.size <= SCOPES_MAX) break;
      other.isOver = true;
      this.#views.delete(oldest);
    }
    return view;
  }

  #isNewPlace(record: DeviceRecord, seriesId: number): boolean {
    const { registry, series } = this.#deps;
    const key = registry.keyOf(seriesId);
    let compared = 0;
    for (const other of series.seriesOf(record.index)) {
      if (other === seriesId) continue;
      if (isSamePlace(key, registry.keyOf(other))) return false;
      if (++compared === COMPARED_MAX) break;
    }
    return compared > 0 || !isOwnPlace(key, record);
  }

  #onForgotten(ids: readonly number[]): void {
    const { book, series } = this.#deps;
    const devices = new Set(ids.map((id) => series.deviceOf(id)));
    for (const device of devices) {
      const record = device < 0 ? undefined : book.at(device);
      if (record !== undefined) this.#shift(record);
    }
  }

  #shift(record: DeviceRecord): void {
    this.changed(record);
    // Of one that is not told yet everybody hears in time.
    if (!record.isTold) return;
    this.#noteShift((record.stored?.site ?? "") === "");
    if (this.#listeners.size === 0) return;
    if (this.#shifted.size === 0) this.#cancelTell = this.#deps.clock.after(TELL_AFTER_MS, () => this.#tell());
    this.#shifted.add(record.id);
  }

  /** Another place is another source, and another site where series say that. */
  #noteShift(isOtherSite: boolean): void {
    const { lastPosition } = this.#deps.journal;
    this.#sourcesShiftedAt = lastPosition;
    if (isOtherSite) this.#sitesShiftedAt = lastPosition;
  }

  #tell(): void {
    const shifted = this.#shifted;
    this.#shifted = new Set();
    for (const id of shifted) for (const listener of [...this.#listeners]) listener(id);
  }
}

/** As of a device that has no series yet. */
function isOwnPlace(key: string, { id, stored }: DeviceRecord): boolean {
  return sourceOfKey(key) === id && ((stored?.site ?? "") !== "" || siteTagOf(key) === "");
}

function isSamePlace(key: string, other: string): boolean {
  return sourceOfKey(key) === sourceOfKey(other) && siteTagOf(key) === siteTagOf(other);
}

function siteTagOf(key: string): string {
  return tagOfKey(key, "site") ?? "";
}

function grown(bits: Uint8Array, length: number): Uint8Array {
  const longer = new Uint8Array(Math.max(length, 2 * bits.length));
  longer.set(bits);
  return longer;
}
