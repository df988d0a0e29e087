/** One device: what it reads, what goes wrong with it, and what it sends when. */
import { DeliveryFaults } from "./delivery-faults.ts";
import { identityOf, type DeviceIdentity, type Fleet } from "./fleet.ts";
import { BATTERY, type Device, type Sensor } from "./profile.ts";
import { Random } from "./random.ts";
import type { Reading, Sending } from "./reading.ts";
import { ReadingFaults } from "./reading-faults.ts";

/** When a fleet reads. */
export interface Span {
  /** The first reading is at this time or less than an interval after it; Unix microseconds. */
  readonly fromUs: number;
  /** The last one is before it; Infinity: there is none. */
  readonly toUs: number;
  /** Simulated seconds a second: cycles and faults pass so much faster than timestamps do. */
  readonly speed: number;
  /** The simulated time at `fromUs`, where it is another one; Unix microseconds. */
  readonly simulatedFromUs?: number;
  /** What is read before it goes in batches of {@link BACKFILL_READINGS}. */
  readonly liveFromUs: number;
}

export const BACKFILL_READINGS = 500;
/** A battery lasts for so long, with some difference between devices. */
const BATTERY_MS = 400 * 86_400_000;

export class SimulatedDevice {
  readonly identity: DeviceIdentity;
  readonly #fleet: Fleet;
  readonly #span: Span;
  readonly #sensors: readonly Sensor[];
  readonly #read: Device;
  readonly #intervalUs: number;
  readonly #readingFaults: ReadingFaults;
  readonly #delivery: DeliveryFaults;
  readonly #batteryMs: number;
  readonly #usedMs: number;
  readonly #batchPhase: number;
  #stampUs: number;
  #readAtMs: number | undefined;
  /** Of the batch that fills. */
  #samples = 0;
  #readings: Reading[] = [];
  #isOver = false;

  constructor(fleet: Fleet, index: number, seed: number, span: Span) {
    const { profile } = fleet;
    this.#fleet = fleet;
    this.#span = span;
    this.identity = identityOf(fleet, index);
    const random = new Random(`${seed}/${fleet.name}`);
    const own = random.split("device").split(index);
    this.#read = profile.start(own.split("readings"), new Random(`${seed}`).split(`site ${fleet.site}`));
    this.#sensors = profile.isOnBattery ? [...profile.sensors, BATTERY] : profile.sensors;
    this.#intervalUs = stampIntervalUs(fleet, span);
    this.#stampUs = firstStampUs(span.fromUs, this.#intervalUs, own.split("phase"));
    const startMs = this.#simulatedMs(this.#stampUs);
    const faults = fleet.faults.map((fault, i) => ({ fault, random: own.split("fault").split(i) }));
    const batchUs = this.#intervalUs * fleet.batch;
    this.#batchPhase = own.split("batch").below(fleet.batch);
    this.#readingFaults = new ReadingFaults(faults, this.identity, this.#sensors, this.#intervalUs, startMs);
    this.#delivery = new DeliveryFaults(faults, this.identity, { startMs, batchUs, speed: span.speed });
    const battery = own.split("battery");
    this.#batteryMs = BATTERY_MS * battery.between(0.7, 1.3);
    this.#usedMs = this.#batteryMs * battery.uniform() * 0.9 - startMs;
  }

  /**
   * What is sent next, in order of time; undefined: nothing any more. No more than a batch is read for it, so that a device
   * that is silent for a year does not keep whoever asks: see {@link Sending.readings}.
   */
  next(): Sending | undefined {
    const due = this.#takeDue();
    if (due !== undefined || this.#isOver) return due;
    this.#fillBatch();
    return this.#takeDue() ?? (this.#isOver ? undefined : this.#silence());
  }

  #takeDue(): Sending | undefined {
    if (!this.#isOver) return this.#delivery.takeUntil(this.#stampUs);
    const held = this.#delivery.takeUntil(Infinity);
    return held && { ...held, dueUs: Math.min(held.dueUs, this.#span.toUs) };
  }

  #silence(): Sending {
    return { dueUs: Math.min(this.#stampUs, this.#span.toUs), readings: [], isRepeat: false };
  }

  #fillBatch(): void {
    while (this.#stampUs < this.#span.toUs) if (this.#sample()) return;
    this.#isOver = true;
    if (this.#samples > 0) this.#send(this.#stampUs - this.#intervalUs);
  }

  /** Returns whether a batch is full with it. */
  #sample(): boolean {
    const stampUs = this.#stampUs;
    this.#stampUs += this.#intervalUs;
    const timeMs = this.#simulatedMs(stampUs);
    const stepS = this.#readAtMs === undefined ? 0 : (timeMs - this.#readAtMs) / 1_000;
    this.#readAtMs = timeMs;
    const values = [...this.#read({ timeMs, stepS })];
    if (this.#fleet.profile.isOnBattery) values.push(this.#batteryPct(timeMs));
    for (let i = 0; i < values.length; i++) values[i] = rounded(values[i], this.#sensors[i]);
    this.#readings.push(...this.#readingFaults.readings(values, stampUs, timeMs));
    this.#samples++;
    const isPast = stampUs < this.#span.liveFromUs;
    const isFull = isPast ? this.#samples >= BACKFILL_READINGS / this.#sensors.length : this.#endsBatch(stampUs);
    if (isFull) this.#send(stampUs);
    return isFull;
  }

  /** Batches of a fleet end at all times of theirs, not all of them within one interval. */
  #endsBatch(stampUs: number): boolean {
    return (Math.floor(stampUs / this.#intervalUs) + this.#batchPhase) % this.#fleet.batch === 0;
  }

  #send(stampUs: number): void {
    const readings = this.#readings;
    this.#readings = [];
    this.#samples = 0;
    if (readings.length > 0) this.#delivery.add(readings, stampUs, this.#simulatedMs(stampUs));
  }

  #simulatedMs(stampUs: number): number {
    const { fromUs, speed, simulatedFromUs = fromUs } = this.#span;
    return (simulatedFromUs + (stampUs - fromUs) * speed) / 1_000;
  }

  #batteryPct(timeMs: number): number {
    return 100 * (1 - (((this.#usedMs + timeMs) / this.#batteryMs) % 1));
  }
}

/** Real time between two readings: whole microseconds. */
function stampIntervalUs({ intervalMs }: Fleet, { speed }: Span): number {
  return Math.max(1, Math.round((intervalMs * 1_000) / speed));
}

/** Times are those of a raster that has nothing to do with when it starts: what runs again meets its own readings. */
function firstStampUs(fromUs: number, intervalUs: number, random: Random): number {
  const phaseUs = random.below(intervalUs);
  return Math.ceil((fromUs - phaseUs) / intervalUs) * intervalUs + phaseUs;
}

/** As the sensor tells it; NaN of no sensor. Without the sign of zero. */
function rounded(value: number, { decimals, min, max }: Sensor): number {
  const scale = 10 ** decimals;
  return Math.round(Math.min(max, Math.max(min, value)) * scale) / scale + 0;
}
