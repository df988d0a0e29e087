/** One group of alerts of one route's channel: its alerts, what was said of them, and when there is more to say. */
import type { Sleeper } from "../wake-queue.ts";
import { labelsText, type Target } from "./route.ts";
import type { Labels } from "./label-matcher.ts";
import { isFiring, type TrackedAlert } from "./tracked-alert.ts";

export interface Member {
  readonly alert: TrackedAlert;
  /** Rank of the severity that the receiver knows it fires with; 0: it does not know of it. */
  toldRank: number;
  /** Its labels lead elsewhere now. The receiver, which was told that it fires, still hears when it is over. */
  hasLeft: boolean;
}

/** A delivery that has not come back. */
export interface InFlight {
  readonly id: string;
  /** Firing alerts in it, those left out for their number too, with the rank told. */
  readonly firing: ReadonlyMap<string, number>;
  readonly resolved: readonly string[];
}

/** As it is written down; times are Unix milliseconds, null for never. */
export interface StoredGroup {
  readonly target: string;
  readonly labels: Labels;
  readonly createdMs: number;
  readonly phaseMs: number | null;
  readonly sentMs: number | null;
  readonly toldMs: number | null;
  readonly changeMs: number | null;
  readonly urgentMs: number | null;
  readonly urgent: number;
  readonly urgentInRow: number;
  readonly failures: number;
  readonly lastNumber: number;
  readonly isInFlight: boolean;
}

/** A critical alert waits that long after the one before, doubled each time, so that many of them come together. */
const GATHER_MS = 1_000;
/** More at once are a storm: they are gathered for the group's whole wait, and for at least as long as a storm may last. */
const STORM_ALERTS = 20;
const STORM_GATHER_MS = 10_000;

export class Group implements Sleeper {
  /** For the queue. */
  wakesAtMs = Infinity;
  readonly target: Target;
  readonly labels: Labels;
  /** Unique. */
  readonly key: string;
  readonly members = new Map<string, Member>();
  isGone = false;
  inFlight: InFlight | undefined;
  /** A delivery was in flight when the server ended: nobody knows whether it arrived. */
  isLost = false;
  /** The earliest change that has not been looked at; Infinity: there is none. */
  changeMs = Infinity;
  /** The earliest change that does not wait for the group's interval. */
  urgentMs = Infinity;
  /** Changes of that kind since the last look, counted up to a storm. */
  urgent = 0;
  /** When the first alert that is held back for a time is no longer. */
  heldUntilMs = Infinity;
  /** There may be an alert that is to be said again when its time comes. */
  mayRepeat = false;
  /** In a row, deliveries that failed and attempts that did. */
  failures = 0;
  #createdMs: number;
  /** Intervals are counted from here: the last notification, or a look that found nothing to say. */
  #phaseMs: number | undefined;
  /** When the last notification left. */
  #sentMs = -Infinity;
  /** When the last one arrived. */
  #toldMs = -Infinity;
  /** Notifications that did not wait, one soon after the other. */
  #urgentInRow = 0;
  #lastNumber = 0;

  constructor(target: Target, labels: Labels, nowMs: number) {
    this.target = target;
    this.labels = labels;
    this.key = keyOf(target, labels);
    this.#createdMs = nowMs;
  }

  /** As Alertmanager writes it: the same for all channels, and for routes with the same matchers. */
  get groupKey(): string {
    return `${this.target.route.key}:${labelsText(this.labels)}`;
  }

  static restore(target: Target, stored: StoredGroup): Group {
    const group = new Group(target, stored.labels, stored.createdMs);
    group.changeMs = stored.changeMs ?? Infinity;
    group.urgentMs = stored.urgentMs ?? Infinity;
    group.urgent = stored.urgent;
    group.failures = stored.failures;
    group.isLost = stored.isInFlight;
    group.#phaseMs = stored.phaseMs ?? undefined;
    group.#sentMs = stored.sentMs ?? -Infinity;
    group.#toldMs = stored.toldMs ?? -Infinity;
    group.#urgentInRow = stored.urgentInRow;
    group.#lastNumber = stored.lastNumber;
    return group;
  }

  save(): StoredGroup {
    return {
      target: this.target.key,
      labels: this.labels,
      createdMs: this.#createdMs,
      phaseMs: this.#phaseMs ?? null,
      sentMs: finiteOrNull(this.#sentMs),
      toldMs: finiteOrNull(this.#toldMs),
      changeMs: finiteOrNull(this.changeMs),
      urgentMs: finiteOrNull(this.urgentMs),
      urgent: this.urgent,
      urgentInRow: this.#urgentInRow,
      failures: this.failures,
      lastNumber: this.#lastNumber,
      isInFlight: this.inFlight !== undefined || this.isLost,
    };
  }

  /** When it is to be looked at; Infinity while a delivery is in flight, and when there is nothing to come. */
  dueAtMs(): number {
    if (this.inFlight !== undefined) return Infinity;
    if (this.isLost) return -Infinity;
    return Math.min(this.heldUntilMs, this.#changeDueMs(), this.#urgentDueMs(), this.repeatDueMs());
  }

  /** When what was said is to be said again. Never sooner than an interval after the last attempt. */
  repeatDueMs(): number {
    if (!this.mayRepeat || this.#toldMs === -Infinity) return Infinity;
    const { repeatIntervalMs, groupIntervalMs } = this.target.route.config;
    return Math.max(this.#toldMs + repeatIntervalMs, this.#sentMs + groupIntervalMs);
  }

  /** Something is to be looked at when the group's interval allows. Returns whether that is news. */
  noteChange(nowMs: number): boolean {
    if (this.changeMs <= nowMs) return false;
    this.changeMs = nowMs;
    return true;
  }

  /** The same, at once. */
  noteUrgent(nowMs: number): boolean {
    const isNews = this.urgentMs > nowMs || this.urgent <= STORM_ALERTS;
    this.urgentMs = Math.min(this.urgentMs, nowMs);
    this.urgent = Math.min(this.urgent + 1, STORM_ALERTS + 1);
    return isNews;
  }

  /** There was nothing to say. Intervals go on as they were counted. */
  looked(nowMs: number): void {
    const { groupIntervalMs } = this.target.route.config;
    const phaseMs = this.#phaseMs ?? nowMs;
    this.#phaseMs = phaseMs + Math.floor((nowMs - phaseMs) / groupIntervalMs) * groupIntervalMs;
    this.#forgetChanges();
  }

  /** A notification leaves: its id, which no other one has. */
  leaves(nowMs: number): string {
    const isSoon = nowMs - this.#sentMs < this.#gatherMaxMs();
    this.#urgentInRow = this.urgentMs !== Infinity && isSoon ? this.#urgentInRow + 1 : 0;
    this.#phaseMs = nowMs;
    this.#sentMs = nowMs;
    this.#lastNumber = Math.max(this.#lastNumber + 1, nowMs);
    this.#forgetChanges();
    return `${this.key} #${this.#lastNumber}`;
  }

  /** It has arrived. */
  arrived(nowMs: number): void {
    this.#toldMs = nowMs;
    this.failures = 0;
    this.mayRepeat = true;
  }

  /** Moves all that has been by the difference; negative when the clock went back. */
  shift(byMs: number): void {
    this.#createdMs += byMs;
    if (this.#phaseMs !== undefined) this.#phaseMs += byMs;
    this.#sentMs += byMs;
    this.#toldMs += byMs;
    this.changeMs += byMs;
    this.urgentMs += byMs;
    this.heldUntilMs += byMs;
  }

  /** The latest of what has been; to find a clock that stands behind it. */
  get latestMs(): number {
    return Math.max(this.#createdMs, this.#phaseMs ?? 0, this.#sentMs, this.#toldMs);
  }

  #changeDueMs(): number {
    if (this.changeMs === Infinity) return Infinity;
    const { groupWaitMs, groupIntervalMs } = this.target.route.config;
    if (this.#phaseMs === undefined) return this.#createdMs + groupWaitMs;
    const intervals = Math.ceil((this.changeMs - this.#phaseMs) / groupIntervalMs);
    const least = this.#phaseMs === this.#sentMs ? 1 : 0;
    return this.#phaseMs + Math.max(least, intervals) * groupIntervalMs;
  }

  #urgentDueMs(): number {
    if (this.urgentMs === Infinity) return Infinity;
    const maxMs = this.#gatherMaxMs();
    const gatherMs = this.urgent > STORM_ALERTS ? maxMs : Math.min(GATHER_MS * 2 ** this.#urgentInRow, maxMs);
    return Math.max(this.urgentMs, this.#sentMs + gatherMs);
  }

  #gatherMaxMs(): number {
    return Math.max(this.target.route.config.groupWaitMs, STORM_GATHER_MS);
  }

  #forgetChanges(): void {
    this.isLost = false;
    this.changeMs = Infinity;
    this.urgentMs = Infinity;
    this.urgent = 0;
  }
}

/** Of the group that alerts with these labels are in. */
export function keyOf(target: Target, labels: Labels): string {
  return `${target.key} ${labelsText(labels)}`;
}

/** Whether the receiver knows that the alert fires, or is just being told. */
export function isKnown(group: Group, { alert, toldRank }: Member): boolean {
  return toldRank > 0 || group.inFlight?.firing.has(alert.id) === true;
}

/** Whether it is one of those that the group says are firing, as far as nothing holds it back. */
export function isFiringHere({ alert, hasLeft }: Member): boolean {
  return !hasLeft && isFiring(alert);
}

function finiteOrNull(timeMs: number): number | null {
  return Number.isFinite(timeMs) ? timeMs : null;
}
