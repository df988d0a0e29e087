/**
 * Whether each device is there: by silence, by what it says of itself, and by the device it is reached through. Pure: time comes
 * with calls. Silence is measured on an inner clock, which goes with the monotonic one and stands still while nobody can be heard.
 * The limits are in silence-limits.ts, flapping is in flapping.ts; docs/device-status.md says it all for users.
 */
import { Affected, type Cause } from "./affected.ts";
import { DeadlineHeap } from "./deadline-heap.ts";
import { Family } from "./family.ts";
import { grown } from "./grown.ts";
import { HeardAgain } from "./heard-again.ts";
import { InnerClock } from "./inner-clock.ts";
import { reasonOf } from "./reason.ts";
import { Rhythms } from "./rhythms.ts";
import { SilenceLimits } from "./silence-limits.ts";
import { LATE, NEVER, OFFLINE, ONLINE, STALE, STATUSES } from "./status.ts";
import type {
  DeviceStatusesOptions,
  SavedStatus,
  SignOfLife,
  StatusChange,
  StatusSettings,
  StatusView,
} from "./status.ts";
import { ToldChanges } from "./told-changes.ts";
import { Unsaved } from "./unsaved.ts";

/** Bits of #flags: not heard since its parent was offline; heard, which its status does not say yet. */
const [IS_STALE, IS_HEARD] = [1, 2];
const LENGTH_MIN = 64;
/** One wall time, asked for twice, is less than this apart on the inner clock. */
const SAME_MS = 1;

export class DeviceStatuses {
  readonly #nameOf: (device: number) => string;
  readonly #clock: InnerClock;
  readonly #rhythms = new Rhythms();
  readonly #deadlines = new DeadlineHeap();
  readonly #family = new Family();
  readonly #affected = new Affected();
  readonly #unsaved = new Unsaved();
  readonly #told: ToldChanges;
  readonly #limits = new SilenceLimits(this.#rhythms);
  /** When those that said that they leave did so, inner. */
  readonly #deadMs = new Map<number, number>();
  #status = new Uint8Array(0);
  #flags = new Uint8Array(0);
  /** Inner: the newest reading or birth; since when silence counts, which is when it was heard last. */
  #seenMs = new Float64Array(0);
  #silentFromMs = new Float64Array(0);
  /** Unix milliseconds. */
  #seenWallMs = new Float64Array(0);
  readonly #heard = new HeardAgain();

  constructor({ nowMs, monotonicMs = nowMs, nameOf }: DeviceStatusesOptions) {
    this.#nameOf = nameOf;
    this.#clock = new InnerClock(nowMs, monotonicMs);
    this.#told = new ToldChanges(this.#clock);
  }

  /**
   * Of each device at most once a frame: the newest time among its points, and when the frame arrived, both Unix milliseconds.
   * What is no newer than what was seen, or old, changes no status: a back-fill is no sign of life. What it changes is among the
   * changes that `advance` returns next.
   */
  arrived(device: number, eventMs: number, arrivalMs: number): void {
    if (device >= this.#status.length) this.reserve(device + 1);
    const wallMs = eventMs < arrivalMs ? eventMs : arrivalMs;
    const seenMs = this.#clock.innerOf(wallMs);
    if (seenMs <= this.#seenMs[device]) return;
    this.#seenMs[device] = seenMs;
    this.#seenWallMs[device] = wallMs;
    const atMs = Math.max(this.#clock.innerOf(arrivalMs), seenMs);
    const lagMs = atMs - seenMs;
    const isLive = this.#limits.isLive(device, atMs, lagMs);
    if (isLive && atMs > this.#silentFromMs[device]) this.#silentFromMs[device] = atMs;
    if (this.#rhythms.arrived(device, atMs, lagMs, isLive)) {
      const p95Ms = this.#rhythms.p95Ms(device);
      if (this.#rhythms.hasDrifted(device, p95Ms)) this.#unsaved.add(device);
      this.#limits.learn(device, p95Ms);
      this.#schedule(device);
    }
    if (isLive && this.#status[device] !== ONLINE) this.#isHeard(device, seenMs);
  }

  /** What is due of it by a time (Unix milliseconds) that `advance` has not come to is among the changes: it is heard then. */
  due(device: number, wallMs: number): void {
    if (device >= this.#status.length) return;
    this.#settleHeard(device);
    // Late, offline, and no longer flapping.
    for (let i = 0; i < 3 && this.#dueAtMs(device) <= this.#clock.innerOf(wallMs); i++)
      this.#settle(device, this.#dueAtMs(device), "");
  }

  /** False: a death that is older than the newest sign of life, or a birth before the death; it changes nothing. */
  event(device: number, { kind, timeMs, reason, by }: SignOfLife, nowMs: number): boolean {
    if (device >= this.#status.length) this.reserve(device + 1);
    this.#settleHeard(device);
    const atMs = this.#clock.innerOf(Math.min(timeMs, nowMs));
    const nowInnerMs = this.#clock.innerOf(nowMs);
    const isNewest = atMs + SAME_MS > this.#seenMs[device];
    if (kind === "death") {
      if (!isNewest) return false;
      this.#deadMs.set(device, atMs);
      this.#rhythms.interrupt(device);
    } else {
      // A birth may come in the millisecond of the death.
      if (atMs + SAME_MS > (this.#deadMs.get(device) ?? Infinity)) this.#deadMs.delete(device);
      if (isNewest) {
        this.#silentFromMs[device] = Math.max(this.#silentFromMs[device], atMs);
        this.#flags[device] &= ~IS_STALE;
      }
      if (atMs > this.#seenMs[device]) {
        this.#seenMs[device] = atMs;
        this.#seenWallMs[device] = Math.min(timeMs, nowMs);
        this.#rhythms.interrupt(device);
      }
    }
    this.#settle(device, nowInnerMs, reason, by);
    return kind === "death" || !this.#deadMs.has(device);
  }

  /** -1: it has no parent. A device that is not heard since its new parent is offline is stale. */
  setParent(device: number, parent: number): void {
    this.reserve(Math.max(device, parent) + 1);
    if (this.#family.parentOf(device) === parent) return;
    this.#family.setParent(device, parent);
    const isDown = parent >= 0 && this.#isDown(parent);
    if (!isDown && (this.#flags[device] & IS_STALE) === 0) return;
    this.#affected.add([device], { atMs: this.#clock.innerMs, root: isDown ? parent : -1, by: "" });
  }

  /** Before anything that is restored of it. */
  configure(device: number, settings: StatusSettings): void {
    this.reserve(device + 1);
    this.#settleHeard(device);
    this.#limits.set(device, settings);
    const nowMs = this.#clock.innerMs;
    // That nobody says how long it may be silent any more is no sign of life.
    const silentMs = this.#limits.isSet(device) ? 0 : this.#limits.silentMs(device, this.#status[device]);
    if (silentMs > 0) this.#silentFromMs[device] = Math.min(this.#silentFromMs[device], nowMs - silentMs);
    this.#settle(device, nowMs, "its expected interval was changed");
  }

  /** Its children have no parent then. The index may be given to another device. */
  forget(device: number): void {
    if (device >= this.#status.length) return;
    for (const child of [...this.#family.childrenOf(device)]) this.setParent(child, -1);
    this.#family.setParent(device, -1);
    this.#rhythms.forget(device);
    this.#deadlines.set(device, Infinity);
    this.#told.forget(device);
    this.#limits.forget(device);
    this.#unsaved.delete(device);
    this.#deadMs.delete(device);
    this.#setUp(device);
  }

  /** While it is false for any reason, silence does not count. Silences go on where they were. */
  setHearing(isHearing: boolean, reason: string): void {
    this.#clock.setHearing(isHearing, reason);
  }

  /**
   * At least once a second: what has changed since, in order. About `max` devices are looked at and told of; where that was not
   * all, {@link isBehind} says so, and another call goes on.
   */
  advance(nowMs: number, monotonicMs = nowMs, max = Infinity): StatusChange[] {
    const innerMs = this.#clock.advance(nowMs, monotonicMs);
    for (let looked = 0; looked < max && this.#told.count < max; looked++) {
      if (!this.#heard.isEmpty) this.#settleHeard(this.#heard.take());
      else if (!this.#affected.isEmpty) this.#affected.takeOne((device, cause) => this.#adapt(device, cause));
      else if (this.#deadlines.nextAtMs <= innerMs) this.#meetDeadline();
      else break;
    }
    return this.#told.take(max);
  }

  /** Something was to be looked at, or told, by the last `advance` and has not been. */
  get isBehind(): boolean {
    if (!this.#heard.isEmpty || this.#told.count > 0 || !this.#affected.isEmpty) return true;
    return this.#deadlines.nextAtMs <= this.#clock.innerMs;
  }

  /** How many changes there were, and how many of them `advance` has returned. */
  get changes(): { readonly made: number; readonly taken: number } {
    return this.#told;
  }

  /** Unix milliseconds of its newest sign of life; 0: none. */
  seenMs(device: number): number {
    return this.#seenWallMs[device] ?? 0;
  }

  statusOf(device: number): StatusView {
    this.reserve(device + 1);
    const { lateAfterMs, offlineAfterMs } = this.#limits.of(device);
    return {
      status: STATUSES[this.#status[device]],
      sinceMs: this.#told.sinceMs(device),
      reason: this.#told.reason(device),
      seenMs: this.#seenWallMs[device],
      isFlapping: this.#told.isFlapping(device),
      lateAfterMs: lateAfterMs < Infinity ? lateAfterMs : 0,
      offlineAfterMs: offlineAfterMs < Infinity ? offlineAfterMs : 0,
      gapP95Ms: this.#rhythms.p95Ms(device) || 0,
    };
  }

  /**
   * Up to `max` devices of which something has changed that a restart should know, and that was not saved; each is named once for
   * each change. Fewer: there are no more.
   */
  takeUnsaved(max: number): number[] {
    const devices = this.#unsaved.take(max);
    for (const device of devices) this.#rhythms.saved(device);
    return devices;
  }

  /** What a restart has to know of it, which is written down by whoever asks. */
  save(device: number): SavedStatus {
    this.#unsaved.delete(device);
    this.#rhythms.saved(device);
    const dead = this.#deadMs.get(device);
    return {
      ...{ status: STATUSES[this.#status[device]], seenMs: this.#seenWallMs[device] },
      deadMs: dead === undefined ? 0 : this.#clock.wallOf(dead),
      isStale: (this.#flags[device] & IS_STALE) !== 0,
      ...this.#told.snapshot(device),
      gapsMs: this.#rhythms.gapsOf(device),
    };
  }

  /**
   * After its settings and its parent. What was said of it stands until it is heard, or has been silent for as long again; what
   * time passed meanwhile does not count.
   */
  restore(device: number, saved: SavedStatus): void {
    this.reserve(device + 1);
    const nowMs = this.#clock.innerMs;
    this.#rhythms.restore(device, saved.gapsMs);
    this.#limits.learn(device);
    const status = (this.#status[device] = STATUSES.indexOf(saved.status));
    this.#told.restore(device, status, saved);
    if (saved.seenMs > 0) this.#seenMs[device] = Math.min(this.#clock.innerOf(saved.seenMs), nowMs);
    this.#seenWallMs[device] = saved.seenMs;
    if (saved.deadMs > 0) this.#deadMs.set(device, Math.min(this.#clock.innerOf(saved.deadMs), nowMs));
    this.#flags[device] = saved.isStale ? IS_STALE : 0;
    if (status !== NEVER) this.#silentFromMs[device] = nowMs - this.#limits.silentMs(device, status);
    this.#schedule(device);
  }

  /** After all: what had not been told yet of a device, or of what it is reached through, when the server ended. */
  restored(): void {
    const cause = { atMs: this.#clock.innerMs, root: -1, by: "" };
    for (let device = 0; device < this.#status.length; device++) {
      const parent = this.#family.parentOf(device);
      const isBelow = parent >= 0 && this.#isDown(parent);
      const isStale = (this.#flags[device] & IS_STALE) !== 0;
      if (isBelow !== isStale) this.#affected.add([device], cause);
      else if (this.#deadMs.has(device))
        this.#settle(device, cause.atMs, "it said that it leaves before the server ended");
      else if (!isStale && this.#status[device] === STALE) this.#settle(device, cause.atMs, "");
    }
  }

  #isHeard(device: number, seenMs: number): void {
    if (seenMs > (this.#deadMs.get(device) ?? Infinity)) this.#deadMs.delete(device);
    // What was on its way when its parent went is no sign that there is another way.
    const isHeardSince = this.#clock.wallOf(seenMs) > this.#told.sinceMs(device);
    if ((this.#flags[device] & IS_STALE) !== 0 && isHeardSince) this.#flags[device] &= ~IS_STALE;
    if ((this.#flags[device] & IS_HEARD) === 0) this.#heard.add(device);
    this.#flags[device] |= IS_HEARD;
  }

  #settleHeard(device: number): void {
    if ((this.#flags[device] & IS_HEARD) === 0) return;
    this.#flags[device] &= ~IS_HEARD;
    this.#settle(device, this.#silentFromMs[device], "");
  }

  /** As it is at a time by itself. */
  #statusAt(device: number, atMs: number): number {
    if (this.#deadMs.has(device)) return OFFLINE;
    if ((this.#flags[device] & IS_STALE) !== 0) return STALE;
    if (this.#silentFromMs[device] === -Infinity) return NEVER;
    // As #dueAtMs adds, to the last bit.
    if (atMs < this.#silentFromMs[device] + this.#limits.lateAfterMs(device)) return ONLINE;
    return atMs < this.#silentFromMs[device] + this.#limits.of(device).offlineAfterMs ? LATE : OFFLINE;
  }

  #meetDeadline(): void {
    let device = this.#deadlines.next;
    const atMs = this.#dueAtMs(device);
    // It has moved away since.
    if (atMs > this.#deadlines.nextAtMs) return this.#deadlines.set(device, atMs);
    // Of those that are due at once whoever is above goes first, and takes the others along.
    const parent = this.#family.parentOf(device);
    if (parent >= 0 && this.#dueAtMs(parent) <= atMs) device = parent;
    this.#settle(device, atMs, "");
  }

  /** Brings what is said of it up to a time; those that are reached through it follow. */
  #settle(device: number, atMs: number, why: string, by = ""): void {
    const before = this.#status[device];
    const after = this.#statusAt(device, atMs);
    if (after !== before) {
      const wasDown = this.#isDown(device);
      const silentMs = atMs - this.#silentFromMs[device];
      const reason = why || reasonOf(STATUSES[before], STATUSES[after], silentMs, this.#limits.of(device));
      this.#change(device, after, atMs, reason, by);
      if (this.#isDown(device) !== wasDown) {
        this.#affected.add(this.#family.childrenOf(device), { atMs, root: device, by });
      }
    } else if (this.#told.stays(device, after, atMs)) this.#unsaved.add(device);
    this.#schedule(device);
  }

  #isDown(device: number): boolean {
    return this.#status[device] === OFFLINE || this.#status[device] === STALE;
  }

  /** Follows what it is reached through. Returns those that follow it in turn: nobody twice, whatever circles there are. */
  #adapt(device: number, cause: Cause): Iterable<number> {
    const parent = this.#family.parentOf(device);
    const isBelow = parent >= 0 && this.#isDown(parent);
    const root = cause.root >= 0 && this.#isDown(cause.root) ? cause.root : parent;
    const why = `${this.#nameOf(root)} is ${STATUSES[this.#status[root]]}`;
    if (isBelow) return this.#makeStale(device, parent, cause, why);
    const isBack = cause.root >= 0 && `${this.#nameOf(cause.root)} is back`;
    return this.#release(device, cause, isBack || "it is no longer reached through a device that is offline");
  }

  #makeStale(device: number, parent: number, { atMs, by }: Cause, reason: string): Iterable<number> {
    const status = this.#status[device];
    if (status !== ONLINE && status !== LATE) return [];
    // It is heard without its parent.
    if (this.#clock.wallOf(this.#seenMs[device]) > this.#told.sinceMs(parent)) return [];
    this.#flags[device] |= IS_STALE;
    this.#rhythms.interrupt(device);
    this.#change(device, STALE, atMs, reason, by);
    this.#schedule(device);
    return this.#family.childrenOf(device);
  }

  /** Its silence begins anew: it could not be heard. */
  #release(device: number, { atMs, by }: Cause, reason: string): Iterable<number> {
    if ((this.#flags[device] & IS_STALE) === 0) return [];
    this.#flags[device] &= ~IS_STALE;
    this.#silentFromMs[device] = Math.max(this.#silentFromMs[device], atMs);
    if (this.#status[device] !== STALE) return [];
    this.#change(device, this.#statusAt(device, atMs), atMs, reason, by);
    this.#schedule(device);
    return this.#family.childrenOf(device);
  }

  #change(device: number, status: number, atMs: number, reason: string, by: string): void {
    const before = this.#status[device];
    this.#status[device] = status;
    this.#unsaved.add(device);
    this.#told.become({ device, before, status, atMs, reason, by });
  }

  #dueAtMs(device: number): number {
    const status = this.#status[device];
    const fromMs = this.#silentFromMs[device];
    let dueMs = Infinity;
    if (status === ONLINE) dueMs = fromMs + this.#limits.lateAfterMs(device);
    else if (status === LATE) dueMs = fromMs + this.#limits.of(device).offlineAfterMs;
    return Math.min(dueMs, this.#told.dueAtMs(device, status));
  }

  /** A deadline that has moved away is found out when it comes up. */
  #schedule(device: number): void {
    const dueMs = this.#dueAtMs(device);
    if (dueMs < this.#deadlines.atMs(device) || dueMs === Infinity) this.#deadlines.set(device, dueMs);
  }

  #setUp(device: number): void {
    this.#status[device] = NEVER;
    this.#flags[device] = 0;
    this.#seenMs[device] = -Infinity;
    this.#silentFromMs[device] = -Infinity;
    this.#seenWallMs[device] = 0;
  }

  /** Makes room for so many; those that are known to come are not copied on the way then. */
  reserve(wanted: number): void {
    const before = this.#status.length;
    if (wanted <= before) return;
    const length = Math.max(wanted, Math.ceil(before * 1.25), LENGTH_MIN);
    for (const part of [this.#rhythms, this.#limits, this.#deadlines, this.#family, this.#told, this.#unsaved])
      part.resize(length);
    this.#status = grown(this.#status, length);
    this.#flags = grown(this.#flags, length);
    this.#seenMs = grown(this.#seenMs, length);
    this.#silentFromMs = grown(this.#silentFromMs, length);
    this.#seenWallMs = grown(this.#seenWallMs, length);
    for (let device = before; device < length; device++) this.#setUp(device);
  }
}
