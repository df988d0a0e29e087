/** Faults of sensors and clocks: from values as they are to readings as they come. */
import { compileGlob } from "../model/glob.ts";
import { Episodes } from "./episodes.ts";
import type { Fault, FaultKind } from "./fault.ts";
import type { DeviceIdentity } from "./fleet.ts";
import { BATTERY, type Sensor } from "./profile.ts";
import type { Random } from "./random.ts";
import type { Reading } from "./reading.ts";

/** A fault of one device, with the chance of its own. */
export interface OwnFault {
  readonly fault: Fault;
  readonly random: Random;
}

const KINDS: ReadonlySet<FaultKind> = new Set([
  "spike",
  "stuck",
  "drift",
  "dropout",
  "dead-battery",
  "clock-skew",
  "corrupt",
]);
/** Of a sensor whose readings only grow. */
const RANGE_OF_COUNTER = 1_000;

interface Active {
  readonly kind: FaultKind;
  readonly fault: Fault;
  readonly random: Random;
  readonly episodes: Episodes;
  readonly isMeant: readonly boolean[];
  /** Of stuck: what the sensors read before, and in which episode that is. */
  stuck: { readonly episode: number; readonly values: readonly number[] } | undefined;
}

export class ReadingFaults {
  readonly #tags: Readonly<Record<string, string>>;
  readonly #sensors: readonly Sensor[];
  readonly #intervalUs: number;
  readonly #active: readonly Active[];
  /** Which episodes of skew hold, and how many different ones held before. */
  #skewed = "";
  #skews = 0;

  /** `startMs`: simulated time of the first reading. */
  constructor(
    faults: readonly OwnFault[],
    { device, tags }: DeviceIdentity,
    sensors: readonly Sensor[],
    intervalUs: number,
    startMs: number,
  ) {
    this.#tags = tags;
    this.#sensors = sensors;
    this.#intervalUs = intervalUs;
    this.#active = faults
      .filter(({ fault }) => KINDS.has(fault.kind) && compileGlob(fault.devices)(device))
      .map(({ fault, random }) => {
        const matches = compileGlob(fault.metrics);
        return {
          kind: fault.kind,
          fault,
          random,
          episodes: new Episodes(fault.when, fault.forMs, random.split("when"), startMs),
          isMeant: sensors.map(({ metric }) => matches(metric)),
          stuck: undefined,
        };
      });
  }

  /** `values` of one moment, of all sensors in their order; they may be changed. */
  readings(values: number[], stampUs: number, timeMs: number): Reading[] {
    let isSilent = false;
    let skewMs = 0;
    let skewed = "";
    const corrupt: { readonly at: number; readonly random: Random }[] = [];
    for (const [i, active] of this.#active.entries()) {
      const episode = active.episodes.at(timeMs);
      if (episode === undefined) continue;
      const { fault, random, isMeant } = active;
      const done = fault.forMs === 0 ? 1 : Math.min(1, (timeMs - episode.startMs) / fault.forMs);
      if (active.kind === "dropout") isSilent = true;
      else if (active.kind === "dead-battery") {
        this.#runDown(values, done);
        if (done > 0.25) isSilent = true;
      } else if (active.kind === "clock-skew") {
        skewMs += fault.byMs;
        skewed += `${i}:${episode.number} `;
      } else if (active.kind === "stuck") {
        if (active.stuck?.episode !== episode.number) active.stuck = { episode: episode.number, values: [...values] };
        for (const [j, value] of active.stuck.values.entries()) if (isMeant[j]) values[j] = value;
      } else if (active.kind === "drift") this.#move(values, isMeant, fault.size * done);
      else {
        const meant = [...values.keys()].filter((j) => isMeant[j]);
        if (meant.length === 0) continue;
        const at = random.pick(meant);
        if (active.kind === "corrupt") corrupt.push({ at, random });
        else
          this.#move(
            values,
            isMeant.map((_, i) => i === at),
            fault.size * (random.uniform() < 0.5 ? -1 : 1),
          );
      }
    }
    if (isSilent) return [];
    const timeUs = stampUs + this.#skewUs(skewMs, skewed);
    const readings = values.map((value, i): Reading => {
      return { metric: this.#sensors[i].metric, value, timeUs, tags: this.#tags };
    });
    for (const { at, random } of corrupt) readings[at] = corrupted(readings[at], random);
    return readings;
  }

  #move(values: number[], isMeant: readonly boolean[], ranges: number): void {
    for (const [i, { min, max, decimals }] of this.#sensors.entries()) {
      if (!isMeant[i]) continue;
      const range = Number.isFinite(max) ? max - min : RANGE_OF_COUNTER;
      const scale = 10 ** decimals;
      values[i] = Math.round((values[i] + ranges * range) * scale) / scale + 0;
    }
  }

  #runDown(values: number[], done: number): void {
    const at = this.#sensors.indexOf(BATTERY);
    if (at >= 0) values[at] = Math.round(values[at] * Math.max(0, 1 - 4 * done) * 10) / 10;
  }

  /**
   * A bit off the raster of the readings, by another bit whenever other episodes hold: skewed times never are those of other
   * readings, which they would replace.
   */
  #skewUs(skewMs: number, skewed: string): number {
    if (skewed === "") return 0;
    if (skewed !== this.#skewed) this.#skews++;
    this.#skewed = skewed;
    const steps = Math.round((skewMs * 1_000) / this.#intervalUs);
    return steps * this.#intervalUs + (this.#skews % this.#intervalUs);
  }
}

/** No server can keep it. */
function corrupted(reading: Reading, random: Random): Reading {
  switch (random.below(4)) {
    case 0:
      return { ...reading, value: NaN };
    case 1:
      return { ...reading, value: random.pick([Infinity, -Infinity]) };
    case 2:
      return { ...reading, metric: `${reading.metric} \u{fffd}` };
    default:
      return { ...reading, timeUs: -1_000_000 * (1 + random.below(86_400)) };
  }
}

/** Whether every server refuses it. */
export function isCorrupt({ metric, value, timeUs }: Reading): boolean {
  return !Number.isFinite(value) || timeUs < 0 || metric.includes(" ");
}
