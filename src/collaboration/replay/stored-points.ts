/** Points of a replay out of the store, part by part: windows grow where little comes, and shrink where much does. */
import { WatchpostError } from "../../model/errors.ts";
import type { MissingNode } from "../../model/missing-node.ts";
import type { ArrivalQuery, ArrivalResult, RangeQuery, RangeResult } from "../../store/store-client.ts";
import type { StandingQuery, StandingResult } from "../../store/store-client.ts";
import { shownAsKnown, shownAsSeen, slicedArrivals, Stands } from "./points.ts";
import type { ArrivedPoints, ShownPoints } from "./points.ts";
import type { Standing, TimeRange, View } from "./recording.ts";

interface Asking {
  readonly signal: AbortSignal;
}

/** The store as replays see it. */
export interface PointStore {
  range(query: RangeQuery, options: Asking): Promise<RangeResult & Lacking>;
  arrivals(query: ArrivalQuery, options: Asking): Promise<ArrivalResult & Lacking>;
  standing(query: StandingQuery, options: Asking): Promise<StandingResult & Lacking>;
}

/** What an answer may be without. */
export interface Lacking {
  readonly isDamaged: boolean;
  /** Nodes that have some of it and did not answer; left out: there are none. */
  readonly missing?: readonly MissingNode[];
}

const PART_ROWS = 32_768;
const WINDOW_S = 16;
const WINDOW_S_MAX = 86_400;
const END_US = Number.MAX_SAFE_INTEGER;
const END_S = 2 ** 40;

export class StoredPoints {
  readonly #store: PointStore;
  readonly #seriesIds: Uint32Array;
  readonly #signal: AbortSignal;
  readonly #onLack: (lacking: Lacking) => void;

  /** `seriesIds` ascending, each once. `onLack` hears of each answer what it is without. */
  constructor(store: PointStore, seriesIds: Uint32Array, signal: AbortSignal, onLack: (lacking: Lacking) => void) {
    this.#store = store;
    this.#seriesIds = seriesIds;
    this.#signal = signal;
    this.#onLack = onLack;
  }

  /** As seen: at the beginning of the second that the range begins in. */
  async standing(view: View, { fromUs }: TimeRange): Promise<Standing> {
    const [arrivedBeforeS, beforeUs] = view === "as_seen" ? [Math.floor(fromUs / 1e6), Infinity] : [Infinity, fromUs];
    const query = { seriesIds: this.#seriesIds, arrivedBeforeS, beforeUs };
    const standing = await this.#store.standing(query, { signal: this.#signal });
    this.#onLack(standing);
    const { timesUs, values } = standing;
    return { timesUs, values };
  }

  async *shown(view: View, range: TimeRange): AsyncGenerator<ShownPoints> {
    if (this.#seriesIds.length === 0) return;
    const standing = await this.standing(view, range);
    if (view === "as_seen") return yield* shownAsSeen(this.#arrivedIn(range, EVERY_TIME), standing, range);
    yield new Stands(standing).shownAt(range.fromUs);
    yield* this.#known(range);
  }

  /** What arrived in a range, whatever its time, and what is of the range and arrived before or after it. */
  async *writes(range: TimeRange): AsyncGenerator<ArrivedPoints> {
    if (this.#seriesIds.length === 0) return;
    const { fromS, toS } = secondsOf(range);
    yield* this.#arrived(0, fromS, range);
    yield* this.#arrived(fromS, toS, EVERY_TIME);
    yield* this.#arrived(toS, END_S, range);
  }

  #arrivedIn(range: TimeRange, times: TimeRange): AsyncGenerator<ArrivedPoints> {
    const { fromS, toS } = secondsOf(range);
    return this.#arrived(fromS, toS, times);
  }

  async *#arrived(fromS: number, toS: number, { fromUs, toUs }: TimeRange): AsyncGenerator<ArrivedPoints> {
    const window = new Window(isEndless(fromS, toS) ? END_S : WINDOW_S, WINDOW_S_MAX);
    for (let next = { fromS, fromSlot: 0 }; next.fromS < toS;) {
      const endS = Math.min(toS, next.fromS + window.width);
      const query = { seriesIds: this.#seriesIds, ...next, toS: endS, fromUs, toUs, partRows: PART_ROWS };
      const part = await window.ask(() => this.#store.arrivals(query, { signal: this.#signal }));
      if (part === null) continue;
      this.#onLack(part);
      window.note(part.slots.length, part.next === null);
      next = part.next ?? { fromS: endS, fromSlot: 0 };
      if (part.slots.length > 0) yield slicedArrivals(part, 0, part.slots.length);
    }
  }

  async *#known({ fromUs, toUs }: TimeRange): AsyncGenerator<ShownPoints> {
    const window = new Window(WINDOW_S * 1e6, WINDOW_S_MAX * 1e6);
    for (let at = fromUs; at < toUs;) {
      const end = Math.min(toUs, at + window.width);
      const query = { seriesIds: this.#seriesIds, fromUs: at, toUs: end, stepUs: 0, pointsMax: 2 * PART_ROWS };
      const result = await window.ask(() => this.#store.range(query, { signal: this.#signal }));
      if (result === null) continue;
      this.#onLack(result);
      window.note(result.timesUs.length, true);
      at = end;
      if (result.timesUs.length > 0) yield shownAsKnown({ ...result, slots: slotOfRows(result) });
    }
  }
}

const EVERY_TIME: TimeRange = { fromUs: 0, toUs: END_US };

/** All arrivals that there may be: what bounds them are the times. */
function isEndless(fromS: number, toS: number): boolean {
  return fromS === 0 || toS === END_S;
}

export function secondsOf({ fromUs, toUs }: TimeRange): { readonly fromS: number; readonly toS: number } {
  return { fromS: Math.floor(fromUs / 1e6), toS: Math.ceil(toUs / 1e6) };
}

/** How much of time is asked for at once, in whatever unit. */
class Window {
  readonly #widthMax: number;
  width: number;

  constructor(width: number, widthMax: number) {
    this.width = width;
    this.#widthMax = Math.max(width, widthMax);
  }

  /** Null where it was too much: to be asked again with the narrower window. */
  async ask<T>(run: () => Promise<T>): Promise<T | null> {
    try {
      return await run();
    } catch (error) {
      const isTooMuch = error instanceof WatchpostError && error.status === "RESOURCE_EXHAUSTED";
      if (!isTooMuch || this.width <= 1) throw error;
      this.width = Math.max(1, Math.floor(this.width / 8));
      return null;
    }
  }

  note(rows: number, isWhole: boolean): void {
    if (isWhole && rows < PART_ROWS / 4) this.width = Math.min(this.#widthMax, 2 * this.width);
    else if (!isWhole) this.width = Math.max(1, Math.floor(this.width / 2));
  }
}

function slotOfRows({ slots, offsets, timesUs }: RangeResult): Uint32Array {
  const ofRows = new Uint32Array(timesUs.length);
  for (let i = 0; i < slots.length; i++) ofRows.fill(slots[i], offsets[i], offsets[i + 1]);
  return ofRows;
}
