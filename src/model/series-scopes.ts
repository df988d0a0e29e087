/** What is in a scope: series, devices, and points on their way in. What was found out of a series is remembered until its device moves. Pure. */
import { EVERYTHING, type Place, type Scope } from "./access.ts";
import { SeriesByDevice } from "./series-by-device.ts";
import { deviceOfKey, sourceOfKey, tagOfKey } from "./series-key.ts";
import type { SeriesRegistry } from "./series-registry.ts";

/** Devices as far as they say where series belong. */
export interface DevicesOfSeries {
  /** The site it is registered with; "": none. */
  siteOf(deviceId: string): string;
  /** Series that are known to be of it. */
  seriesOf(deviceId: string): Iterable<number>;
}

/** Where something is, as far as it says so itself. */
export interface SaidPlace {
  readonly source: string;
  /** Left out: the source. */
  readonly device?: string | undefined;
  /** Counts where its device is registered with none. */
  readonly site?: string | undefined;
}

type Labels = Readonly<Partial<Record<string, string>>>;

export type SeesSeries = (seriesId: number) => boolean;

export const SEES_ALL: SeesSeries = () => true;
/** A page holds two bits for each of so many series: 1 KiB. */
const SERIES_A_PAGE = 4_096;
/** Of all scopes together: 32 MiB. */
const PAGES_MAX = 32 * 1_024;
/** Of a device that moves: of one with more, all that is known of scopes of sites is forgotten, and found out again as it is asked for. */
const FORGOTTEN_MAX = 10_000;
const [UNKNOWN, UNSEEN, SEEN] = [0, 1, 2];

/**
 * A series' place is its source, its device (the tag `device`, otherwise the source) and its site: the one the device is
 * registered with, otherwise the tag `site`.
 */
export class SeriesScopes {
  readonly #registry: SeriesRegistry;
  readonly #devices: DevicesOfSeries;
  readonly #pagesMax: number;
  /** By the scope's key, the one that was asked for last at the end. */
  readonly #views = new Map<string, View>();
  readonly #listeners = new Set<(deviceId: string) => void>();
  /** Those that any scope of sites was asked about. */
  readonly #bySites = new SeriesByDevice();
  #pages = 0;

  constructor(registry: SeriesRegistry, devices: DevicesOfSeries, pagesMax = PAGES_MAX) {
    this.#registry = registry;
    this.#devices = devices;
    this.#pagesMax = pagesMax;
  }

  /** To be kept for as long as one likes: it follows when places change. What it says of series that were deleted means nothing. */
  seesSeries(scope: Scope): SeesSeries {
    if (scope.isEverything) return SEES_ALL;
    let view = NOTHING_YET;
    return (id) => {
      if (view.isOver) view = this.#viewOf(scope);
      return this.#isSeen(id, view);
    };
  }

  /** Any of its series is seen; of a device without series, which is its own source then, its place. `site`: as if it were registered there. */
  seesDevice(scope: Scope, deviceId: string, site = this.#devices.siteOf(deviceId)): boolean {
    if (scope.isEverything) return true;
    const own = { source: deviceId, device: deviceId, site };
    if (isPlainDevice(scope, site)) return scope.takes(own);
    const sees = this.#seesAt(scope, deviceId, site);
    let isAny = false;
    for (const id of this.#devices.seriesOf(deviceId)) {
      if (sees(id)) return true;
      isAny = true;
    }
    return !isAny && scope.takes(own);
  }

  /** Nothing of it is out of scope. */
  seesWholeDevice(scope: Scope, deviceId: string): boolean {
    if (scope.isEverything) return true;
    const site = this.#devices.siteOf(deviceId);
    if (isPlainDevice(scope, site)) return scope.takes({ source: deviceId, device: deviceId, site });
    const sees = this.seesSeries(scope);
    for (const id of this.#devices.seriesOf(deviceId)) if (!sees(id)) return false;
    return this.seesDevice(scope, deviceId);
  }

  /**
   * What is about something, as the labels source, device and site say: where these are, and of a device alone also where that is
   * seen. Without a source, and where its device has no points, it comes from where `origin` says, the node that forwards it. Without any
   * of them it is about nothing in particular, and seen by whoever sees everything.
   */
  seesLabels(scope: Scope, { source, device, site, origin }: Labels): boolean {
    if (scope.isEverything) return true;
    if (source !== undefined) return this.takes(scope, { source, device, site });
    if (device === undefined) {
      const isSomewhere = site !== undefined || origin !== undefined;
      return isSomewhere && this.takes(scope, { source: origin ?? "", device: origin ?? "", site });
    }
    if (this.seesDevice(scope, device) || this.takes(scope, { source: "", device, site })) return true;
    return origin !== undefined && !this.hasSeries(device) && this.takes(scope, { source: origin, device, site });
  }

  /** Whether any series is known to be of it. */
  hasSeries(deviceId: string): boolean {
    for (const _id of this.#devices.seriesOf(deviceId)) return true;
    return false;
  }

  /** A point on its way in. */
  takes(scope: Scope, { source, device = source, site = "" }: SaidPlace): boolean {
    return scope.isEverything || scope.takes({ source, device, site: this.#devices.siteOf(device) || site });
  }

  /** Of a series by its canonical key. */
  placeOfKey(key: string): Place {
    const device = deviceOfKey(key);
    return { source: sourceOfKey(key), device, site: this.#devices.siteOf(device) || (tagOfKey(key, "site") ?? "") };
  }

  /** The site that a device is registered with is another one now. */
  moved(deviceId: string): void {
    const views = [...this.#views.values()].filter(({ scope }) => isOfSites(scope));
    const ids = this.#bySites.of(deviceId, FORGOTTEN_MAX);
    for (const view of views) {
      if (ids === undefined) this.#drop(view);
      else forget(ids, view);
    }
    for (const listener of this.#listeners) listener(deviceId);
  }

  /** Calls `listener` with each device whose series may be in other scopes from now on. Returns what ends it. */
  onMoved(listener: (deviceId: string) => void): () => void {
    const own = (deviceId: string) => listener(deviceId);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  #seesAt(scope: Scope, deviceId: string, site: string): SeesSeries {
    if (site === this.#devices.siteOf(deviceId)) return this.seesSeries(scope);
    return (id) => {
      const key = this.#registry.keyOf(id);
      return scope.takes({ source: sourceOfKey(key), device: deviceId, site: site || (tagOfKey(key, "site") ?? "") });
    };
  }

  #isSeen(id: number, view: View): boolean {
    const page = view.pages[Math.floor(id / SERIES_A_PAGE)];
    const at = id % SERIES_A_PAGE;
    const known = page === undefined ? UNKNOWN : (page[at >> 2] >> (2 * (at & 3))) & 3;
    return known === UNKNOWN ? this.#look(id, view) : known === SEEN;
  }

  #look(id: number, view: View): boolean {
    if (!this.#registry.has(id)) return false;
    const place = this.placeOfKey(this.#registry.keyOf(id));
    if (isOfSites(view.scope)) this.#bySites.add(id, place.device);
    const isSeen = view.scope.takes(place);
    const number = Math.floor(id / SERIES_A_PAGE);
    const page = view.pages[number] ?? this.#addPage(number, view);
    const at = id % SERIES_A_PAGE;
    page[at >> 2] |= (isSeen ? SEEN : UNSEEN) << (2 * (at & 3));
    return isSeen;
  }

  #addPage(number: number, view: View): Uint8Array {
    for (const other of this.#views.values()) {
      if (this.#pages < this.#pagesMax) break;
      if (other !== view) this.#drop(other);
    }
    this.#pages++;
    view.count++;
    return (view.pages[number] = new Uint8Array(SERIES_A_PAGE / 4));
  }

  /** Whoever has asked for it keeps it until they ask again: not what is known in it. */
  #drop(view: View): void {
    this.#views.delete(view.scope.key);
    this.#pages -= view.count;
    view.isOver = true;
    view.pages.length = 0;
  }

  #viewOf(scope: Scope): View {
    const view = this.#views.get(scope.key) ?? { scope, pages: [], count: 0, isOver: false };
    this.#views.delete(scope.key);
    this.#views.set(scope.key, view);
    return view;
  }
}

/** Where a device is registered matters to it. */
function isOfSites({ patterns: { sites } }: Scope): boolean {
  return sites.length > 0;
}

function forget(ids: readonly number[], { pages }: View): void {
  for (const id of ids) {
    const page = pages[Math.floor(id / SERIES_A_PAGE)];
    const at = id % SERIES_A_PAGE;
    if (page !== undefined) page[at >> 2] &= ~(3 << (2 * (at & 3)));
  }
}

/** Its series say nothing else than it does itself. */
function isPlainDevice({ patterns: { sources, sites } }: Scope, site: string): boolean {
  return sources.length === 0 && (sites.length === 0 || site !== "");
}

/** What is known of one scope. */
interface View {
  readonly scope: Scope;
  /** Two bits a series; sparse, since many scopes are of a few series that came one after the other. */
  readonly pages: (Uint8Array | undefined)[];
  count: number;
  /** It does not hold any more, or there was no room for it. */
  isOver: boolean;
}

const NOTHING_YET: View = { scope: EVERYTHING, pages: [], count: 0, isOver: true };
