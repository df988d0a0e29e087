/** What a bad network does to connections: decided from a seed, whatever the timing of the programs at its ends. */
import { Random } from "./random.ts";

export interface NetworkConditions {
  /** In each direction. */
  readonly latencyMs: number;
  /** Mean of what is added to it, never out of order: what comes behind waits. */
  readonly jitterMs: number;
  /** Share of segments that are lost: they come after a retransmission, and what is behind them waits. 0 to 1. */
  readonly loss: number;
  /** How often the link breaks, in real time. All its connections are cut. */
  readonly disconnectsPerHour: number;
  /** How long it stays broken: nothing can connect. */
  readonly outageMs: number;
  /** In each direction, all connections together; Infinity: as fast as it goes. */
  readonly bytesPerSecond: number;
}

export const PERFECT_NETWORK: NetworkConditions = {
  latencyMs: 0,
  jitterMs: 0,
  loss: 0,
  disconnectsPerHour: 0,
  outageMs: 0,
  bytesPerSecond: Infinity,
};

/** What TCP sends at once over Ethernet. */
export const SEGMENT_BYTES = 1_460;
/** Before what was lost is sent again, doubled with every further loss, as Linux does. */
const RETRANSMIT_MS = 200;
const RETRANSMITS_MAX = 6;

/**
 * The delays of one direction of one connection, by segment: what is asked of a byte depends on its place in the stream, not on
 * how the stream was cut. Asked in order.
 */
export class SegmentDelays {
  readonly #conditions: NetworkConditions;
  readonly #random: Random;
  #segment = -1;
  #delayMs = 0;

  constructor(conditions: NetworkConditions, random: Random) {
    this.#conditions = conditions;
    this.#random = random;
  }

  /** How long the byte at `offset` of the stream is on its way, without what it waits for others. */
  delayMsAt(offset: number): number {
    for (const segment = Math.floor(offset / SEGMENT_BYTES); this.#segment < segment; this.#segment++) {
      this.#delayMs = this.#nextMs();
    }
    return this.#delayMs;
  }

  #nextMs(): number {
    const { latencyMs, jitterMs, loss } = this.#conditions;
    let delayMs = latencyMs + (jitterMs > 0 ? this.#random.exponential(jitterMs) : 0);
    for (let i = 0; i < RETRANSMITS_MAX && loss > 0 && this.#random.uniform() < loss; i++) {
      delayMs += RETRANSMIT_MS * 2 ** i;
    }
    return delayMs;
  }
}

/** What passes in one direction from one break to the next, in the mean; Infinity where there is no bound or no break. */
export function bytesBetweenBreaks({ disconnectsPerHour, bytesPerSecond }: NetworkConditions): number {
  return disconnectsPerHour === 0 ? Infinity : (bytesPerSecond * 3_600) / disconnectsPerHour;
}

export interface Outage {
  readonly startMs: number;
  readonly endMs: number;
}

/** When a link breaks, in order; times count from when it is first used. */
export function* outagesOf(conditions: NetworkConditions, random: Random): Generator<Outage, void> {
  const { disconnectsPerHour, outageMs } = conditions;
  if (disconnectsPerHour === 0) return;
  for (let endMs = 0; ;) {
    const startMs = endMs + random.exponential(3_600_000 / disconnectsPerHour);
    endMs = startMs + outageMs;
    yield { startMs, endMs };
  }
}
