/**
 * What a node tells the desk of the devices that it hears: of each when it was heard last, once for many points. The desk makes of it
 * what it would make of the points.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Frame } from "../model/frame.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { HeardDevicesSchema } from "../wire/gen/heard_pb.ts";
import { DeviceSeries } from "./device-series.ts";

export type HeardInit = MessageInitShape<typeof HeardDevicesSchema>;

/** What comes of one device within so long is told together; what comes after is told with the next message. */
export const TOLD_AGAIN_MS = 1_000;
/** Arrivals that are so far apart are each told, for they are a gap to whoever learns how often it sends. */
const GAP_MIN_MS = 900;
/** A few milliseconds of them. */
export const TOLD_AT_ONCE = 10_000;
const NEVER = -1;
const LENGTH_MIN = 256;

export class HeardDigest {
  readonly #series: DeviceSeries;
  readonly #numbers = new Map<string, number>();
  readonly #ids: string[] = [];
  readonly #sites: string[] = [];
  /** By number: the latest event of all, Unix microseconds, and when it arrived. */
  #latestUs = new Float64Array(LENGTH_MIN);
  #latestMs = new Float64Array(LENGTH_MIN);
  /** The same of what is to be told; {@link NEVER}: nothing. */
  #newestUs = new Float64Array(LENGTH_MIN);
  #arrivalMs = new Float64Array(LENGTH_MIN);
  /** Monotonic. */
  #toldAtMs = new Float64Array(LENGTH_MIN);
  /** The arrival that the next gap is counted from. */
  #gapFromMs = new Float64Array(LENGTH_MIN);
  /** Of which something is to be told. */
  #heard: number[] = [];
  /** Those before it are named, and those before {@link #past} told of, as of {@link begin}. */
  #named = 0;
  #past = 0;
  #pastEnd = 0;
  #isMoreHeard = false;

  constructor(registry: SeriesRegistry) {
    this.#series = new DeviceSeries(registry, (id, _, site = "") => this.#numberOf(id, site));
  }

  apply(frame: Frame): void {
    this.#series.apply(frame);
  }

  /** While nobody is told: at least once in some seconds. */
  gather(): void {
    this.#series.tell(this.#hear);
  }

  /** A stream begins: whoever hears it knows nothing. */
  begin(): void {
    while (this.#series.tell(this.#hear));
    for (const device of this.#heard) this.#newestUs[device] = NEVER;
    this.#heard = [];
    this.#toldAtMs.fill(-Infinity);
    this.#named = 0;
    this.#past = 0;
    this.#pastEnd = this.#ids.length;
    this.#isMoreHeard = false;
  }

  /** There is more to be told than the last message had room for. */
  get isBehind(): boolean {
    return this.#past < this.#pastEnd || this.#isMoreHeard;
  }

  /** What is to be told now: of those that were told of a moment ago the next message tells. */
  next(monotonicMs: number): HeardInit {
    if (this.#past < this.#pastEnd) return this.#nextOfPast(monotonicMs);
    this.#isMoreHeard = this.#series.tell(this.#hear);
    const told: number[] = [];
    const later: number[] = [];
    for (const device of this.#heard) {
      const isGap = this.#arrivalMs[device] - this.#gapFromMs[device] >= GAP_MIN_MS;
      const isDue = isGap || monotonicMs - this.#toldAtMs[device] >= TOLD_AGAIN_MS;
      if (isDue && told.length < TOLD_AT_ONCE) told.push(device);
      else later.push(device);
      if (isDue && told.length === TOLD_AT_ONCE) this.#isMoreHeard = true;
    }
    this.#heard = later;
    const message = this.#message(told, this.#newestUs, this.#arrivalMs);
    for (const device of told) {
      this.#newestUs[device] = NEVER;
      this.#told(device, this.#arrivalMs[device], monotonicMs);
    }
    return message;
  }

  #nextOfPast(monotonicMs: number): HeardInit {
    const told: number[] = [];
    const end = Math.min(this.#pastEnd, this.#past + TOLD_AT_ONCE);
    for (let device = this.#past; device < end; device++) {
      // Of one that was found and not heard yet nothing is to be told.
      if (this.#latestUs[device] === NEVER) continue;
      told.push(device);
      this.#told(device, this.#latestMs[device], monotonicMs);
    }
    this.#past = end;
    return { ...this.#message(told, this.#latestUs, this.#latestMs), isPast: true };
  }

  #told(device: number, arrivalMs: number, monotonicMs: number): void {
    this.#toldAtMs[device] = monotonicMs;
    if (arrivalMs - this.#gapFromMs[device] >= GAP_MIN_MS) this.#gapFromMs[device] = arrivalMs;
  }

  #message(told: readonly number[], newestUs: Float64Array, arrivalMs: Float64Array): HeardInit {
    const from = this.#named;
    for (const device of told) if (device >= this.#named) this.#named = device + 1;
    return {
      ids: this.#ids.slice(from, this.#named),
      sites: this.#sites.slice(from, this.#named),
      devices: bytesOf(Uint32Array.from(told)),
      newestUs: bytesOf(Float64Array.from(told, (device) => newestUs[device])),
      arrivalsMs: bytesOf(Float64Array.from(told, (device) => arrivalMs[device])),
    };
  }

  readonly #hear = (device: number, newestUs: number, arrivalMs: number) => {
    if (newestUs > this.#latestUs[device]) {
      this.#latestUs[device] = newestUs;
      this.#latestMs[device] = arrivalMs;
    }
    if (this.#newestUs[device] === NEVER) this.#heard.push(device);
    else if (newestUs <= this.#newestUs[device]) return;
    this.#newestUs[device] = newestUs;
    this.#arrivalMs[device] = arrivalMs;
  };

  #numberOf(id: string, site: string): number {
    const known = this.#numbers.get(id);
    if (known !== undefined) return known;
    const number = this.#ids.push(id) - 1;
    this.#sites.push(site);
    this.#numbers.set(id, number);
    if (number >= this.#latestUs.length) this.#grow(2 * number);
    for (const column of [this.#latestUs, this.#newestUs]) column[number] = NEVER;
    for (const column of [this.#toldAtMs, this.#gapFromMs]) column[number] = -Infinity;
    return number;
  }

  #grow(length: number): void {
    const grown = (from: Float64Array) => {
      const to = new Float64Array(length);
      to.set(from);
      return to;
    };
    this.#latestUs = grown(this.#latestUs);
    this.#latestMs = grown(this.#latestMs);
    this.#newestUs = grown(this.#newestUs);
    this.#arrivalMs = grown(this.#arrivalMs);
    this.#toldAtMs = grown(this.#toldAtMs);
    this.#gapFromMs = grown(this.#gapFromMs);
  }
}

function bytesOf(column: Uint32Array | Float64Array): Uint8Array {
  return new Uint8Array(column.buffer);
}
