/** Faults of delivery: from batches as they fill to batches as they are sent. */
import { compileGlob } from "../model/glob.ts";
import { Episodes } from "./episodes.ts";
import type { FaultKind } from "./fault.ts";
import type { DeviceIdentity } from "./fleet.ts";
import { isCorrupt, type OwnFault } from "./reading-faults.ts";
import type { Reading, Sending } from "./reading.ts";

const KINDS: ReadonlySet<FaultKind> = new Set(["burst", "out-of-order", "duplicate"]);
/** What a device can hold back; past it the oldest goes at once. */
export const HELD_READINGS_MAX = 20_000;
/** Of batches that come later, in batches. */
const LATER_DEFAULT = 5;

interface Timing {
  /** Simulated time of the first reading. */
  readonly startMs: number;
  /** Real time of a batch. */
  readonly batchUs: number;
  readonly speed: number;
}

export class DeliveryFaults {
  readonly #timing: Timing;
  readonly #active: readonly (OwnFault & { readonly episodes: Episodes })[];
  /** In order of time, of equal times in order of arrival. */
  readonly #held: Sending[] = [];
  #heldReadings = 0;

  constructor(faults: readonly OwnFault[], { device }: DeviceIdentity, timing: Timing) {
    this.#timing = timing;
    this.#active = faults
      .filter(({ fault }) => KINDS.has(fault.kind) && compileGlob(fault.devices)(device))
      .map((own) => {
        const { when, forMs } = own.fault;
        return { ...own, episodes: new Episodes(when, forMs, own.random.split("when"), timing.startMs) };
      });
  }

  /** A batch that is full at `stampUs`, which is the simulated time `timeMs`. */
  add(readings: readonly Reading[], stampUs: number, timeMs: number): void {
    const { batchUs, speed } = this.#timing;
    let dueUs = stampUs;
    let repeatAfterUs: number | undefined;
    for (const { fault, random, episodes } of this.#active) {
      const episode = episodes.at(timeMs);
      if (episode === undefined) continue;
      if (fault.kind === "duplicate") repeatAfterUs = random.below(4) * batchUs;
      else if (fault.kind === "burst") dueUs = Math.max(dueUs, stampUs + ((episode.endMs - timeMs) * 1_000) / speed);
      else dueUs += fault.byMs > 0 ? (fault.byMs * 1_000) / speed : LATER_DEFAULT * batchUs;
    }
    dueUs = Math.round(dueUs);
    this.#hold({ dueUs, readings, isRepeat: false });
    if (repeatAfterUs === undefined) return;
    // What may be refused is not sent twice, so that what was refused is counted once.
    const again = readings.filter((reading) => !isCorrupt(reading) && reading.timeUs <= stampUs);
    if (again.length > 0) this.#hold({ dueUs: dueUs + repeatAfterUs, readings: again, isRepeat: true });
  }

  /** The first that is due up to a time, or that there is no room to hold; undefined where there is none. */
  takeUntil(timeUs: number): Sending | undefined {
    const [first] = this.#held;
    if (first === undefined) return undefined;
    const isDue = first.dueUs <= timeUs;
    if (!isDue && this.#heldReadings <= HELD_READINGS_MAX) return undefined;
    this.#held.shift();
    this.#heldReadings -= first.readings.length;
    return isDue ? first : { ...first, dueUs: timeUs };
  }

  #hold(sending: Sending): void {
    let at = this.#held.length;
    while (at > 0 && this.#held[at - 1].dueUs > sending.dueUs) at--;
    this.#held.splice(at, 0, sending);
    this.#heldReadings += sending.readings.length;
  }
}
