/**
 * What all equal subscriptions share: the series they mean, what changed since the last update, and that update's bytes.
 * Readers keep no queue: one that missed updates asks for what has changed since the one it saw.
 */
import type { Clock } from "../model/clock.ts";
import type { SeriesIdentity } from "../model/series-key.ts";
import { UpdateWriter } from "./encode.ts";
import { Groups } from "./groups.ts";
import type { LatestValues } from "./latest-values.ts";
import type { FeedSpec } from "./subscription.ts";
import { Windows } from "./windows.ts";

export interface FeedDeps {
  readonly latest: LatestValues;
  readonly clock: Clock;
  readonly staleAfterMs: number;
  constantsOf(id: number): Uint8Array;
  identityOf(id: number): SeriesIdentity;
  /** Runs once the frame in hand is applied. */
  soon(run: () => void): void;
  /** Takes room for this many series under the limit over all feeds; false where there is none. */
  reserve(series: number): boolean;
  release(series: number): void;
}

/** Where a reader stands. */
export interface FeedPosition {
  stamp: number;
  update: number;
  isWaiting: boolean;
  /** Of the updates since `update`, where the feed has windows and the reader was late for them. */
  missed: MissedWindows | undefined;
}

interface MissedWindows {
  /** Undefined where there was no room. */
  readonly windows: Windows | undefined;
  readonly reserved: number;
}

interface Since {
  readonly stamp: number;
  readonly update: number;
  readonly windows: Windows | undefined;
  readonly isSnapshot?: boolean;
}

/** Metrics in one message. */
export const MESSAGE_METRICS_MAX = 2_000;
const STALE_GAPS = 3;
const STALE_AFTER_MS_MIN = 15_000;
const STALE_CHECK_MS = 1_000;

export class Feed {
  readonly spec: FeedSpec;
  readonly #deps: FeedDeps;
  readonly #ids: number[] = [];
  readonly #slotOf = new Map<number, number>();
  /** Of series that are not in scope any more. */
  readonly #out = new Set<number>();
  readonly #stale: boolean[] = [];
  /** The update that told of a change of `stale`. */
  readonly #staleUpdates: number[] = [];
  readonly #windows: Windows | undefined;
  readonly #groups: Groups | undefined;
  readonly #writer = new UpdateWriter();
  readonly #waiting = new Set<() => void>();
  readonly #positions = new Set<FeedPosition>();
  #stamp: number;
  #update = 0;
  #shared: readonly Uint8Array[] | undefined;
  #touched = false;
  #pushedAtMs = -Infinity;
  #cancelTimer: () => void = () => {};
  #closed = false;
  readers = 0;

  constructor(spec: FeedSpec, deps: FeedDeps) {
    this.spec = spec;
    this.#deps = deps;
    this.#stamp = deps.latest.stamp;
    this.#windows = spec.windowStats ? new Windows() : undefined;
    this.#groups = spec.groupBy === undefined ? undefined : new Groups(spec.groupBy, spec.aggregation);
    this.#schedule();
  }

  /** Whether {@link point} must hear of every point of its series. */
  get isWatching(): boolean {
    return this.spec.onChange || this.#windows !== undefined;
  }

  get ids(): readonly number[] {
    return this.#ids;
  }

  /** Of a feed of somebody who does not see everything: "out" of what is not in scope any more. */
  standingOf(id: number): "in" | "out" | "none" {
    const slot = this.#slotOf.get(id);
    return slot === undefined ? "none" : this.#out.has(slot) ? "out" : "in";
  }

  add(id: number): void {
    const { latest } = this.#deps;
    latest.reach(id);
    const slot = this.#ids.push(id) - 1;
    if (this.isWatching || !this.spec.scope.isEverything) this.#slotOf.set(id, slot);
    this.#stale.push(latest.has(id) && this.#isSilent(id));
    this.#staleUpdates.push(0);
    this.#windows?.add(slot, latest.timesUs[id], latest.values[id]);
    this.#groups?.add(slot, this.#deps.identityOf(id));
  }

  /** A series that has come into scope: the next update tells what stands of it. */
  moveIn(id: number): void {
    const known = this.#slotOf.get(id);
    if (known === undefined) this.add(id);
    else {
      const { latest } = this.#deps;
      this.#out.delete(known);
      this.#stale[known] = latest.has(id) && this.#isSilent(id);
      this.#windows?.add(known, latest.timesUs[id], latest.values[id]);
      this.#groups?.add(known, this.#deps.identityOf(id));
    }
    this.#staleUpdates[this.#slotOf.get(id)!] = this.#update + 1;
  }

  /** A series that is not in scope any more: nothing tells of it from now on. */
  moveOut(id: number): void {
    const slot = this.#slotOf.get(id)!;
    this.#out.add(slot);
    this.#groups?.remove(slot, this.#deps.identityOf(id), this.#update + 1);
    // Where nobody has taken it, it is made again.
    this.#shared = undefined;
  }

  /** A point of a watched series. One that is late changes no value: its window goes with the next update. */
  point(id: number, timeUs: number, value: number, isLate: boolean): void {
    const slot = this.#slotOf.get(id)!;
    if (isLate) return this.#windows?.takeLate(slot, value);
    this.#windows?.take(slot, timeUs, value);
    if (!this.spec.onChange || this.#touched) return;
    this.#touched = true;
    const { clock, soon } = this.#deps;
    const waitMs = this.#pushedAtMs + this.spec.intervalMs - clock.monotonicMs();
    if (waitMs <= 0) soon(() => this.push());
    else clock.after(waitMs, () => this.push());
  }

  /** All series that have a value, in messages; also where a new reader begins, until it is {@link forget forgotten}. */
  snapshot(): { position: FeedPosition; messages: Iterable<Uint8Array> } {
    const { stamp } = this.#deps.latest;
    const position: FeedPosition = { stamp, update: this.#update, isWaiting: false, missed: undefined };
    this.#positions.add(position);
    return { position, messages: this.#messages({ stamp: -1, update: -1, isSnapshot: true, windows: undefined }) };
  }

  forget(position: FeedPosition): void {
    this.#positions.delete(position);
    this.#takeMissed(position);
  }

  /** Resolves when there is something newer than `position`, when `signal` aborts or after `timeoutMs`. */
  changedSince(position: FeedPosition, timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (position.update !== this.#update || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      position.isWaiting = true;
      const wake = () => {
        position.isWaiting = false;
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        cancelTimer();
        resolve();
      };
      const cancelTimer = this.#deps.clock.after(timeoutMs, wake);
      signal.addEventListener("abort", wake);
      this.#waiting.add(wake);
    });
  }

  /** What is newer than `position`, which is moved on, and how many updates were folded into it. */
  updateSince(position: FeedPosition): { messages: Iterable<Uint8Array>; conflated: number } | undefined {
    const behind = this.#update - position.update;
    if (behind === 0) return undefined;
    const { stamp, update } = position;
    position.stamp = this.#stamp;
    position.update = this.#update;
    const windows = this.#takeMissed(position);
    const shared = behind === 1 ? this.#shared : undefined;
    return { messages: shared ?? this.#messages({ stamp, update, windows }), conflated: behind - 1 };
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer();
    for (const wake of this.#waiting) wake();
  }

  #schedule(): void {
    const periodMs = this.spec.onChange ? STALE_CHECK_MS : this.spec.intervalMs;
    this.#cancelTimer = this.#deps.clock.after(periodMs, () => {
      if (this.#closed) return;
      this.#schedule();
      const silenced = this.#checkSilence();
      if (!this.spec.onChange || silenced) this.push();
    });
  }

  /** Makes the next update of what has changed, if anything has. */
  push(): void {
    if (this.#closed) return;
    const { latest, clock } = this.#deps;
    this.#touched = false;
    const stamp = latest.stamp;
    const since = { stamp: this.#stamp, update: this.#update, windows: this.#windows };
    const messages = [...this.#messages(since, this.#writer)];
    this.#stamp = stamp;
    if (messages.length === 0) return;
    this.#endWindows();
    this.#pushedAtMs = clock.monotonicMs();
    this.#update++;
    // A reader that comes later encodes for itself what it missed.
    this.#shared = this.#waiting.size > 0 ? messages : undefined;
    for (const wake of this.#waiting) wake();
  }

  /** What is newer than a stamp and an update, with the windows of their readers. */
  *#messages(since: Since, writer = new UpdateWriter()): Generator<Uint8Array> {
    const { isSnapshot = false } = since;
    const { intervalMs } = this.spec;
    let made = 0;
    for (const add of this.#groups ? this.#changedGroups(since) : this.#changedSeries(since)) {
      add(writer);
      if (writer.metrics < MESSAGE_METRICS_MAX) continue;
      made++;
      yield writer.finish(intervalMs, isSnapshot);
    }
    if (writer.metrics > 0 || (isSnapshot && made === 0)) yield writer.finish(intervalMs, isSnapshot);
  }

  *#changedSeries({ stamp, update, windows }: Since): Generator<(writer: UpdateWriter) => void> {
    const { latest, constantsOf } = this.#deps;
    for (let slot = 0; slot < this.#ids.length; slot++) {
      const id = this.#ids[slot];
      const window = windows?.read(slot);
      // What was deleted still ends the window it was in.
      if (!this.#isThere(slot) || (window === undefined && !this.#hasChanged(slot, stamp, update))) continue;
      const parts = { value: latest.values[id], timeUs: latest.timesUs[id], stale: this.#stale[slot], window };
      yield (writer) => writer.add(constantsOf(id), parts);
    }
  }

  *#changedGroups({ stamp, update }: Since): Generator<(writer: UpdateWriter) => void> {
    const { latest } = this.#deps;
    for (const group of this.#groups!.all()) {
      const isOther = group.membersUpdate > update;
      if (!isOther && !group.slots.some((slot) => this.#hasChanged(slot, stamp, update))) continue;
      const known = group.slots.filter((slot) => this.#isThere(slot));
      if (known.length === 0) continue;
      const fresh = known.filter((slot) => !this.#stale[slot]);
      const stale = fresh.length === 0;
      const ids = (stale ? known : fresh).map((slot) => this.#ids[slot]);
      const parts = { ...this.#groups!.summarize(group, ids, latest), stale };
      yield (writer) => writer.add(group.constants, parts);
    }
  }

  /** Begins the next windows; those that end are kept for every reader that does not wait for them. */
  #endWindows(): void {
    if (this.#windows === undefined) return;
    for (const position of this.#positions) {
      if (position.isWaiting) continue;
      position.missed ??= this.#roomForMissed();
      for (let slot = 0; slot < this.#ids.length; slot++) position.missed.windows?.append(slot, this.#windows);
    }
    for (let slot = 0; slot < this.#ids.length; slot++) this.#windows.reset(slot);
  }

  #roomForMissed(): MissedWindows {
    const wanted = this.#ids.length;
    return this.#deps.reserve(wanted)
      ? { windows: new Windows(), reserved: wanted }
      : { windows: undefined, reserved: 0 };
  }

  #takeMissed(position: FeedPosition): Windows | undefined {
    const { missed } = position;
    if (missed === undefined) return undefined;
    position.missed = undefined;
    this.#deps.release(missed.reserved);
    return missed.windows;
  }

  #hasChanged(slot: number, stamp: number, update: number): boolean {
    const id = this.#ids[slot];
    const { latest } = this.#deps;
    return (latest.stamps[id] > stamp || this.#staleUpdates[slot] > update) && this.#isThere(slot);
  }

  /** It has a value, and is in scope. */
  #isThere(slot: number): boolean {
    return this.#deps.latest.has(this.#ids[slot]) && !(this.#out.size > 0 && this.#out.has(slot));
  }

  /** Marks series that have become silent, or are heard again. */
  #checkSilence(): boolean {
    let changed = false;
    for (let slot = 0; slot < this.#ids.length; slot++) {
      const id = this.#ids[slot];
      if (!this.#isThere(slot)) continue;
      const silent = this.#isSilent(id);
      if (silent === this.#stale[slot]) continue;
      this.#stale[slot] = silent;
      this.#staleUpdates[slot] = this.#update + 1;
      changed = true;
    }
    return changed;
  }

  #isSilent(id: number): boolean {
    const { latest, clock, staleAfterMs } = this.#deps;
    const gapMs = latest.gapsMs[id];
    const ownMs = gapMs === 0 ? staleAfterMs : Math.max(STALE_GAPS * gapMs, STALE_AFTER_MS_MIN);
    return clock.monotonicMs() - latest.seenAtMs[id] > (this.spec.staleAfterMs || ownMs);
  }
}
