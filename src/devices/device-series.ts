/**
 * Which device each series is of, and when each device was heard of. All points come through here: it reads a column, and
 * goes on to the device only where that is another one than that of the point before. What was heard is told of each device once for
 * many frames.
 */
import type { Frame } from "../model/frame.ts";
import { deviceOfKey, tagOfKey } from "../model/series-key.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";

/** Of a series that was not looked at yet, of one that waits for that, and of one that is of no device. Devices follow from {@link FIRST} on. */
const [UNKNOWN, WAITING, NOBODY, FIRST] = [0, 1, 2, 3];
const NONE = 0;
/** Series that are looked at while a frame is read, a few milliseconds of them; others wait for {@link DeviceSeries.tell}. */
const LOOKED_AT_ONCE = 500;
/** Devices that are told in one turn, in less. */
const TOLD_AT_ONCE = 5_000;

/** `newestUs`: the latest event time of the device since it was told of last; `arrivalMs`: when that arrived. */
export type OnArrived = (device: number, newestUs: number, arrivalMs: number) => void;

/** The index of a device that may have to be made known; -1 where it may not be known. `site`: the tag of the series, where it has one. */
export type FindDevice = (id: string, atMs: number, site: string | undefined) => number;

export class DeviceSeries {
  readonly #registry: SeriesRegistry;
  readonly #find: FindDevice;
  readonly #onSeries: (device: number, seriesId: number) => void;
  /** By series: the device's index and {@link FIRST}. */
  #devices = new Uint32Array(1_024);
  /**
   * By series: another one of the same device, so that they form a list without an array for each; 0: none. Of one that waits: its
   * place among those.
   */
  #nexts = new Uint32Array(1_024);
  /** By device: its series that came last. */
  #firsts = new Uint32Array(256);
  /** By device: what is to be told of it; Infinity: nothing. */
  #newestUs = new Float64Array(256).fill(Infinity);
  #arrivalMs = new Float64Array(256);
  /** Devices that were heard, those before {@link #heardFirst} are done with. */
  readonly #heard: number[] = [];
  #heardFirst = 0;
  /** In the order they came, each once, so there are no more than series; those before {@link #waitingFirst} are done with. */
  readonly #waiting = { seriesIds: [] as number[], newestUs: [] as number[], arrivalMs: [] as number[] };
  #waitingFirst = 0;
  readonly #isKnown: ((id: string) => boolean) | undefined;
  /** Series that are known by name alone, to be looked at; those before {@link #namedFirst} are done with. */
  readonly #named: number[] = [];
  #namedFirst = 0;
  /** Of those: series of devices that are not known, by the device's id. */
  readonly #strays = new Map<string, number[]>();

  /**
   * `onSeries` hears of each series that is found to be of a device. `isKnown`: whether there is such a device; left out: series have
   * points here, none is known by its name alone.
   */
  constructor(
    registry: SeriesRegistry,
    find: FindDevice,
    onSeries: (device: number, seriesId: number) => void = () => {},
    isKnown?: (id: string) => boolean,
  ) {
    this.#registry = registry;
    this.#find = find;
    this.#onSeries = onSeries;
    this.#isKnown = isKnown;
  }

  apply({ count, seriesIds, timesUs, arrivalMs }: Frame): void {
    let [series, device, newestUs, looked] = [-1, UNKNOWN, -1, 0];
    for (let i = 0; i < count; i++) {
      const id = seriesIds[i];
      if (id !== series) {
        let next = id < this.#devices.length ? this.#devices[id] : UNKNOWN;
        if (next === UNKNOWN) next = looked++ < LOOKED_AT_ONCE ? this.#resolve(id, arrivalMs) : WAITING;
        if (next !== device || device === WAITING) {
          if (device >= FIRST) this.#note(device - FIRST, newestUs, arrivalMs);
          else if (device === WAITING) this.#wait(series, newestUs, arrivalMs);
          device = next;
          newestUs = -1;
        }
        series = id;
      }
      const timeUs = timesUs[i];
      if (timeUs > newestUs) newestUs = timeUs;
    }
    if (device >= FIRST) this.#note(device - FIRST, newestUs, arrivalMs);
    else if (device === WAITING) this.#wait(series, newestUs, arrivalMs);
  }

  /** Another node has points of it. It is one of its device's from now on, or once that is known. */
  named(seriesId: number): void {
    this.#named.push(seriesId);
  }

  /** The device, which is known, has come to be: series that were {@link named} before are its own. */
  place(id: string): void {
    const strays = this.#strays.get(id);
    if (strays === undefined) return;
    this.#strays.delete(id);
    for (const seriesId of strays) this.#placeNamed(seriesId);
  }

  /** The device was heard by somebody else. As what {@link apply} finds, it is told of once. */
  note(device: number, newestUs: number, arrivalMs: number): void {
    this.#makeRoomFor(device);
    this.#note(device, newestUs, arrivalMs);
  }

  /** Tells of devices that were heard, each once, as many as a few milliseconds allow. False: there are no more. */
  tell(onArrived: OnArrived): boolean {
    this.#lookAtWaiting();
    this.#lookAtNamed();
    const end = Math.min(this.#heard.length, this.#heardFirst + TOLD_AT_ONCE);
    while (this.#heardFirst < end) this.tellOf(this.#heard[this.#heardFirst++], onArrived);
    if (end < this.#heard.length) return true;
    this.#heard.length = 0;
    this.#heardFirst = 0;
    return this.#waiting.seriesIds.length > 0 || this.#named.length > 0;
  }

  /** Something of it is to be told. */
  isHeard(device: number): boolean {
    return this.#newestUs[device] < Infinity;
  }

  /** Of one, if it was heard. */
  tellOf(device: number, onArrived: OnArrived): void {
    const newestUs = this.#newestUs[device];
    if (newestUs === undefined || newestUs === Infinity) return;
    this.#newestUs[device] = Infinity;
    onArrived(device, newestUs, this.#arrivalMs[device]);
  }

  #lookAtWaiting(): void {
    const { seriesIds, newestUs, arrivalMs } = this.#waiting;
    const end = Math.min(seriesIds.length, this.#waitingFirst + LOOKED_AT_ONCE);
    while (this.#waitingFirst < end) {
      const i = this.#waitingFirst++;
      const seriesId = seriesIds[i];
      this.#devices[seriesId] = UNKNOWN;
      this.#nexts[seriesId] = NONE;
      const device = this.#resolve(seriesId, arrivalMs[i]);
      if (device >= FIRST) this.#note(device - FIRST, newestUs[i], arrivalMs[i]);
    }
    if (end < seriesIds.length) return;
    for (const list of [seriesIds, newestUs, arrivalMs]) list.length = 0;
    this.#waitingFirst = 0;
  }

  #lookAtNamed(): void {
    const end = Math.min(this.#named.length, this.#namedFirst + LOOKED_AT_ONCE);
    while (this.#namedFirst < end) this.#placeNamed(this.#named[this.#namedFirst++]);
    if (end < this.#named.length) return;
    this.#named.length = 0;
    this.#namedFirst = 0;
  }

  #placeNamed(seriesId: number): void {
    const isPlaced = seriesId < this.#devices.length && this.#devices[seriesId] !== UNKNOWN;
    if (isPlaced || !this.#registry.has(seriesId)) return;
    const id = this.idOf(seriesId);
    if (id === "") return;
    // By then nothing is made known.
    if (this.#isKnown?.(id) === true) return void this.#resolve(seriesId, 0);
    const strays = this.#strays.get(id);
    if (strays === undefined) this.#strays.set(id, [seriesId]);
    else strays.push(seriesId);
  }

  /** Of a series that is of a known device; -1 otherwise. `isWanted`: devices that may be made known by it. */
  add(seriesId: number, atMs: number, isWanted: (id: string) => boolean): number {
    if (!this.#registry.has(seriesId) || !isWanted(this.idOf(seriesId))) return -1;
    return Math.max(-1, this.#resolve(seriesId, atMs) - FIRST);
  }

  /** The device's id; "" where it has none. */
  idOf(seriesId: number): string {
    return deviceOfKey(this.#registry.keyOf(seriesId));
  }

  /** -1: it is of none, or nothing was heard of it. */
  deviceOf(seriesId: number): number {
    const device = seriesId < this.#devices.length ? this.#devices[seriesId] : UNKNOWN;
    return device >= FIRST ? device - FIRST : -1;
  }

  /** Series of a device, the latest first, without those that were deleted. */
  *seriesOf(device: number): Generator<number, void> {
    for (let id = this.#firsts[device] ?? NONE; id !== NONE; id = this.#nexts[id]) if (this.#registry.has(id)) yield id;
  }

  /** Its next point finds a device of that name. */
  forget(device: number): void {
    for (let id = this.#firsts[device] ?? NONE; id !== NONE;) {
      const next = this.#nexts[id];
      this.#devices[id] = UNKNOWN;
      this.#nexts[id] = NONE;
      if (this.#isKnown !== undefined) this.named(id);
      id = next;
    }
    if (device >= this.#firsts.length) return;
    this.#firsts[device] = NONE;
    this.#newestUs[device] = Infinity;
  }

  /** Series that could be of no device are looked at once more: there is room again. */
  askAgain(): void {
    for (let id = 0; id < this.#devices.length; id++) if (this.#devices[id] === NOBODY) this.#devices[id] = UNKNOWN;
  }

  #wait(seriesId: number, newestUs: number, arrivalMs: number): void {
    this.#makeRoom(seriesId);
    const waiting = this.#waiting;
    if (this.#devices[seriesId] === WAITING) {
      const place = this.#nexts[seriesId];
      if (newestUs <= waiting.newestUs[place]) return;
      waiting.newestUs[place] = newestUs;
      waiting.arrivalMs[place] = arrivalMs;
      return;
    }
    this.#devices[seriesId] = WAITING;
    this.#nexts[seriesId] = waiting.seriesIds.push(seriesId) - 1;
    waiting.newestUs.push(newestUs);
    waiting.arrivalMs.push(arrivalMs);
  }

  #note(device: number, newestUs: number, arrivalMs: number): void {
    const beforeUs = this.#newestUs[device];
    if (beforeUs === Infinity) this.#heard.push(device);
    else if (newestUs <= beforeUs) return;
    this.#newestUs[device] = newestUs;
    this.#arrivalMs[device] = arrivalMs;
  }

  #resolve(seriesId: number, atMs: number): number {
    // One that was deleted while its points were on their way.
    if (!this.#registry.has(seriesId)) return NOBODY;
    this.#makeRoom(seriesId);
    const id = this.idOf(seriesId);
    const device = id === "" ? -1 : this.#find(id, atMs, tagOfKey(this.#registry.keyOf(seriesId), "site"));
    if (device < 0) return (this.#devices[seriesId] = NOBODY);
    // It was among those that were named before.
    if (this.#devices[seriesId] >= FIRST) return device + FIRST;
    this.#makeRoomFor(device);
    this.#nexts[seriesId] = this.#firsts[device];
    this.#firsts[device] = seriesId;
    this.#devices[seriesId] = device + FIRST;
    this.#onSeries(device, seriesId);
    return device + FIRST;
  }

  #makeRoomFor(device: number): void {
    if (device < this.#firsts.length) return;
    const length = Math.max(device + 1, 2 * this.#firsts.length);
    this.#firsts = grown(this.#firsts, new Uint32Array(length));
    this.#newestUs = grown(this.#newestUs, new Float64Array(length).fill(Infinity));
    this.#arrivalMs = grown(this.#arrivalMs, new Float64Array(length));
  }

  #makeRoom(seriesId: number): void {
    if (seriesId < this.#devices.length) return;
    const length = Math.max(seriesId + 1, 2 * this.#devices.length);
    this.#devices = grown(this.#devices, new Uint32Array(length));
    this.#nexts = grown(this.#nexts, new Uint32Array(length));
  }
}

function grown<T extends Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from as never);
  return to;
}
