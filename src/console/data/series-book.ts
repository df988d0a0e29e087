/** What is stored and what comes, as one line for each series; and what has to be asked for, since it was missed or came late. */
import { Line, type Points } from "./line.ts";

export interface SeriesName {
  readonly key: string;
  readonly label: string;
  readonly metric: string;
  readonly source: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly device: string;
  readonly unit: string;
}

/** A value of a live stream. */
export interface HeardValue {
  readonly name: SeriesName;
  readonly timeMs: number;
  readonly value: number;
  /** Points that came since the update before, this one and late ones among them; 0: it only stands. */
  readonly points: number;
}

/** A part of history to read: from a time on, or all that is shown. */
export type Wanted = { readonly isWhole: true } | { readonly isWhole: false; readonly fromMs: number };

export interface StoredSeries {
  readonly name: SeriesName;
  readonly points: Points;
}

export interface BookSeries {
  readonly name: SeriesName;
  readonly line: Line;
}

interface KnownSeries {
  name: SeriesName;
  line: Line;
  /** So many points were announced, and so many should lie behind `sinceMs`. */
  announced: number;
  sinceMs: number;
  /** What was announced when the reading under way was asked for. */
  announcedThen: number;
}

export class SeriesBook {
  readonly #seriesMax: number;
  readonly #pointsMax: number;
  #known = new Map<string, KnownSeries>();
  /** Came while history is read: it is newer than what that says. */
  #early: HeardValue[] | undefined;
  #asked: Wanted | undefined;
  #isWholeWanted = true;
  #tailFromMs = Infinity;

  /** Lines that have grown beyond `pointsMax` are asked for again, which thins them. */
  constructor(seriesMax: number, pointsMax: number) {
    [this.#seriesMax, this.#pointsMax] = [seriesMax, pointsMax];
  }

  get series(): IterableIterator<BookSeries> {
    return this.#known.values();
  }

  get isReading(): boolean {
    return this.#asked !== undefined;
  }

  /** A stream has begun; these values stand. `isAnew`: what came before it may have been missed, as it was where a value is new. */
  begin(values: readonly HeardValue[], isAnew: boolean): void {
    if (isAnew) this.#isWholeWanted = true;
    for (const value of values) {
      const known = this.#known.get(value.name.key);
      if (known === undefined || !(value.timeMs <= known.line.lastMs)) this.#isWholeWanted = true;
      this.#merge(value);
      if (known !== undefined) this.#settle(known);
    }
    this.#early?.push(...values);
  }

  hear(values: readonly HeardValue[]): void {
    for (const value of values) {
      const known = this.#known.get(value.name.key);
      // A reading under way may not know it yet.
      if (known === undefined) this.#isWholeWanted = true;
      else {
        const { line } = known;
        const isReplaced = value.timeMs === line.lastMs && value.value !== line.lastValue;
        known.announced += Math.max(0, value.points - (isReplaced ? 1 : 0));
      }
      this.#merge(value);
      if (known !== undefined && missing(known) === 0) this.#settle(known);
    }
    this.#early?.push(...values);
  }

  /** What to read next; undefined: all that is known of is there. */
  wanted(): Wanted | undefined {
    if (this.#isWholeWanted) return { isWhole: true };
    let fromMs = this.#tailFromMs;
    for (const known of this.#known.values()) {
      if (known.line.length > this.#pointsMax) return { isWhole: true };
      if (missing(known) > 0) fromMs = Math.min(fromMs, known.sinceMs);
    }
    return fromMs === Infinity ? undefined : { isWhole: false, fromMs: Math.max(0, fromMs) };
  }

  /** It is asked for now. One reading at a time. */
  ask(wanted: Wanted): void {
    [this.#asked, this.#early] = [wanted, []];
    this.#tailFromMs = Infinity;
    if (wanted.isWhole) this.#isWholeWanted = false;
    for (const known of this.#known.values()) {
      if (wanted.isWhole) this.#settle(known);
      known.announcedThen = known.announced;
    }
  }

  /** The answer. Returns how many points it brought that were not known. */
  answer(stored: readonly StoredSeries[]): number {
    const isWhole = this.#asked!.isWhole;
    const found = isWhole ? this.#replace(stored) : this.#append(stored);
    const early = this.#early!;
    this.#asked = this.#early = undefined;
    for (const value of early) this.#merge(value);
    for (const known of this.#known.values()) {
      // What was announced, and is not at the end, lies further back.
      if (!isWhole && known.announcedThen > known.line.countAfter(known.sinceMs)) this.#isWholeWanted = true;
      if (missing(known) === 0) this.#settle(known);
    }
    return found;
  }

  /** There was none: it is still wanted. */
  fail(): void {
    if (this.#asked!.isWhole) this.#isWholeWanted = true;
    else this.wantTail(this.#asked!.fromMs);
    this.#asked = this.#early = undefined;
  }

  /** Also what has been read is read again. */
  wantWhole(): void {
    this.#isWholeWanted = true;
  }

  /** Steps from this time on may have changed. */
  wantTail(fromMs: number): void {
    this.#tailFromMs = Math.min(this.#tailFromMs, fromMs);
  }

  forgetBefore(timeMs: number): void {
    for (const known of this.#known.values()) {
      known.line.forgetBefore(timeMs);
      if (known.sinceMs < timeMs) this.#settle(known);
    }
  }

  #merge({ name, timeMs, value }: HeardValue): void {
    const known = this.#known.get(name.key);
    if (known === undefined) return;
    known.line.merge({ timesMs: [timeMs], values: [value] });
  }

  /** All that was announced is there: counting begins anew. */
  #settle(known: KnownSeries): void {
    known.announced = known.announcedThen = 0;
    known.sinceMs = known.line.length === 0 ? -Infinity : known.line.lastMs;
  }

  #replace(stored: readonly StoredSeries[]): number {
    const before = this.#known;
    const answered = new Map(stored.map((each) => [each.name.key, each]));
    this.#known = new Map();
    let found = 0;
    // Those that were there stay where they were, in their colours.
    for (const key of new Set([...before.keys(), ...answered.keys()])) {
      const answer = answered.get(key);
      if (answer === undefined || this.#known.size >= this.#seriesMax) continue;
      const line = new Line(answer.points);
      const known = before.get(key);
      found += line.length - (known?.line.length ?? 0);
      if (known !== undefined) this.#known.set(key, { ...known, name: answer.name, line });
      else this.#known.set(key, this.#knownSeries(answer.name, line));
    }
    return found;
  }

  #append(stored: readonly StoredSeries[]): number {
    let found = 0;
    for (const { name, points } of stored) {
      const known = this.#known.get(name.key);
      if (known !== undefined) found += known.line.merge(points);
      else this.#isWholeWanted = true;
    }
    return found;
  }

  #knownSeries(name: SeriesName, line: Line): KnownSeries {
    const known = { name, line, announced: 0, announcedThen: 0, sinceMs: -Infinity };
    this.#settle(known);
    return known;
  }
}

/** Points that were announced and are not there; below 0: there are some that will be announced. */
function missing(known: KnownSeries): number {
  return known.announced - known.line.countAfter(known.sinceMs);
}
