/**
 * Whether each device is there: by silence, by what it says of itself, and by the device it is reached through. Pure: time comes
 * with calls. Silence is measured on an inner clock, which goes with the monotonic one and stands still while nobody can be heard.
 * The thresholds are in thresholds.ts, flapping is in flapping.ts; docs/device-status.md says it all for users.
 */
import { DeadlineHeap } from "./deadline-heap.ts";
import { Family } from "./family.ts";
import { Flapping } from "./flapping.ts";
import { grown } from "./grown.ts";
import { HeldChanges } from "./held-changes.ts";
import { InnerClock } from "./inner-clock.ts";
import { reasonOf } from "./reason.ts";
import { Rhythms } from "./rhythms.ts";
import { STATUSES, type DeviceStatusesOptions, type SavedStatus, type SignOfLife } from "./status.ts";
import type { StatusChange, StatusSettings, StatusView } from "./status.ts";
import { thresholdsOf } from "./thresholds.ts";

/** Of a device whose interval is not known, readings that are older are no sign of life. */
const FRESH_MS = 3_600_000;
const INFERRED: StatusSettings = { expectedIntervalMs: 0, lateAfterMs: 0, offlineAfterMs: 0, isEventDriven: false };
const [NEVER, ONLINE, LATE, OFFLINE, STALE] = STATUSES.keys();
/** Bits of #flags: not heard since its parent was offline; to be saved. */
const [IS_STALE, IS_UNSAVED] = [1, 2];
const LENGTH_MIN = 64;
/** One wall time, asked for twice, is less than this apart on the inner clock: of the two clocks one tells whole milliseconds. */
const SAME_MS = 1;

export class DeviceStatuses {
  readonly #nameOf: (device: number) => string;
  readonly #clock: InnerClock;
  readonly #rhythms = new Rhythms();
  readonly #deadlines = new DeadlineHeap();
  readonly #family = new Family();
  readonly #flapping = new Flapping();
  readonly #held = new HeldChanges();
  readonly #settings = new Map<number, StatusSettings>();
  /** When those that said that they leave did so, inner. */
  readonly #deadMs = new Map<number, number>();
  readonly #reasons: string[] = [];
  #changes: StatusChange[] = [];
  #status = new Uint8Array(0);
  #flags = new Uint8Array(0);
  /** Inner: the newest reading or birth; since when silence counts, which is when it was heard last. */
  #seenMs = new Float64Array(0);
  #silentFromMs = new Float64Array(0);
  #lateAfterMs = new Float64Array(0);
  #offlineAfterMs = new Float64Array(0);
  /** Unix milliseconds. */
  #sinceMs = new Float64Array(0);
  #seenWallMs = new Float64Array(0);

  constructor({ nowMs, monotonicMs = nowMs, nameOf }: DeviceStatusesOptions) {
    this.#nameOf = nameOf;
    this.#clock = new InnerClock(nowMs, monotonicMs);
  }

  /**
   * Of each device at most once a frame: the newest time among its points, and when the frame arrived, both Unix milliseconds.
   * What is no newer than what was seen, or old, changes no status: a back-fill is no sign of life. What it changes is among the
   * changes that `advance` returns next.
   */
  arrived(device: number, eventMs: number, arrivalMs: number): void {
    if (device >= this.#status.length) this.#resize(device + 1);
    const wallMs = eventMs < arrivalMs ? eventMs : arrivalMs;
    const seenMs = this.#clock.innerOf(wallMs);
    if (seenMs <= this.#seenMs[device]) return;
    this.#seenMs[device] = seenMs;
    this.#seenWallMs[device] = wallMs;
    const atMs = Math.max(this.#clock.innerOf(arrivalMs), seenMs);
    const lagMs = atMs - seenMs;
    if (lagMs >= this.#lateAfterMs[device] || (lagMs >= FRESH_MS && !this.#isIntervalKnown(device))) return;
    if (atMs > this.#silentFromMs[device]) this.#silentFromMs[device] = atMs;
    if (this.#rhythms.arrived(device, atMs, lagMs)) this.#learn(device);
    if (this.#status[device] !== ONLINE) this.#heard(device, seenMs, atMs);
  }

  /** A death that is older than the newest sign of life changes nothing. */
  event(device: number, { kind, timeMs, reason }: SignOfLife, nowMs: number): void {
    if (device >= this.#status.length) this.#resize(device + 1);
    const atMs = this.#clock.innerOf(Math.min(timeMs, nowMs));
    const nowInnerMs = this.#clock.innerOf(nowMs);
    if (kind === "birth") {
      if (atMs > this.#seenMs[device]) {
        this.#seenMs[device] = atMs;
        this.#seenWallMs[device] = Math.min(timeMs, nowMs);
        this.#rhythms.interrupt(device);
      }
      if (atMs + SAME_MS > this.#seenMs[device])
        this.#silentFromMs[device] = Math.max(this.#silentFromMs[device], atMs);
      // A birth may come in the millisecond of the death.
      if (atMs + SAME_MS > (this.#deadMs.get(device) ?? Infinity)) this.#deadMs.delete(device);
      if (atMs + SAME_MS > this.#seenMs[device]) this.#flags[device] &= ~IS_STALE;
      this.#settle(device, nowInnerMs, reason);
    } else if (atMs + SAME_MS > this.#seenMs[device]) {
      this.#deadMs.set(device, atMs);
      this.#rhythms.interrupt(device);
      this.#settle(device, nowInnerMs, reason);
    }
  }

  /** -1: it has no parent. A device that is not heard since its new parent is offline is stale. */
  setParent(device: number, parent: number): void {
    this.#resize(Math.max(device, parent) + 1);
    if (this.#family.parentOf(device) === parent) return;
    this.#family.setParent(device, parent);
    const nowMs = this.#clock.innerMs;
    if (parent >= 0 && this.#isDown(parent)) {
      if (this.#clock.wallOf(this.#seenMs[device]) <= this.#sinceMs[parent]) this.#makeStale([device], nowMs, parent);
    } else this.#release([device], nowMs, "it is no longer reached through a device that is offline");
  }

  /** Before anything that is restored of it. */
  configure(device: number, settings: StatusSettings): void {
    this.#resize(device + 1);
    const { expectedIntervalMs, lateAfterMs, offlineAfterMs, isEventDriven } = settings;
    if (expectedIntervalMs > 0 || lateAfterMs > 0 || offlineAfterMs > 0 || isEventDriven) {
      this.#settings.set(device, settings);
    } else this.#settings.delete(device);
    this.#setThresholds(device);
    this.#settle(device, this.#clock.innerMs, "its expected interval was changed");
  }

  /** Its children have no parent then. The index may be given to another device. */
  forget(device: number): void {
    if (device >= this.#status.length) return;
    for (const child of [...this.#family.childrenOf(device)]) this.setParent(child, -1);
    this.#family.setParent(device, -1);
    this.#rhythms.forget(device);
    this.#deadlines.set(device, Infinity);
    this.#flapping.set(device, 0, 0, false);
    this.#held.forget(device);
    this.#settings.delete(device);
    this.#deadMs.delete(device);
    this.#changes = this.#changes.filter((change) => change.device !== device);
    this.#setUp(device);
  }

  /** While it is false for any reason, silence does not count. Silences go on where they were. */
  setHearing(isHearing: boolean, reason: string): void {
    this.#clock.setHearing(isHearing, reason);
  }

  /** At least once a second: what has changed since, in order. */
  advance(nowMs: number, monotonicMs = nowMs): StatusChange[] {
    const innerMs = this.#clock.advance(nowMs, monotonicMs);
    while (this.#deadlines.nextAtMs <= innerMs) {
      const device = this.#deadlines.next;
      const atMs = this.#dueAtMs(device);
      if (atMs > this.#deadlines.nextAtMs) this.#deadlines.set(device, atMs);
      else this.#settle(device, atMs, "");
    }
    const changes = this.#changes;
    this.#changes = [];
    return changes;
  }

  /** Unix milliseconds, by the last `advance`; Infinity where nothing is due. It may turn out to be later. */
  get nextDeadlineMs(): number {
    return this.#clock.wallOf(this.#deadlines.nextAtMs);
  }

  statusOf(device: number): StatusView {
    this.#resize(device + 1);
    const finite = (ms: number) => (Number.isFinite(ms) ? ms : 0);
    return {
      status: STATUSES[this.#status[device]],
      sinceMs: this.#sinceMs[device],
      reason: this.#reasons[device],
      seenMs: this.#seenWallMs[device],
      isFlapping: this.#flapping.isFlapping(device),
      lateAfterMs: finite(this.#lateAfterMs[device]),
      offlineAfterMs: finite(this.#offlineAfterMs[device]),
      gapP95Ms: this.#rhythms.p95Ms(device) || 0,
    };
  }

  /** Up to `max` devices of which something has changed that a restart should know; each is named once for each change. */
  takeUnsaved(max: number): number[] {
    const devices: number[] = [];
    for (let device = 0; device < this.#flags.length && devices.length < max; device++) {
      if ((this.#flags[device] & IS_UNSAVED) === 0) continue;
      this.#flags[device] &= ~IS_UNSAVED;
      this.#rhythms.saved(device);
      devices.push(device);
    }
    return devices;
  }

  snapshot(device: number): SavedStatus {
    const { status, sinceMs, reason, seenMs, isFlapping } = this.statusOf(device);
    const dead = this.#deadMs.get(device);
    return {
      ...{ status, sinceMs, reason, seenMs, isFlapping },
      deadMs: dead === undefined ? 0 : this.#clock.wallOf(dead),
      isStale: (this.#flags[device] & IS_STALE) !== 0,
      flapScore: this.#flapping.scoreOf(device, this.#clock.innerMs),
      flapAtMs: this.#clock.wallOf(this.#clock.innerMs),
      gapsMs: this.#rhythms.gapsOf(device),
    };
  }

  /**
   * After its settings and its parent. What was said of it stands until it is heard, or has been silent for as long again; what
   * time passed meanwhile does not count.
   */
  restore(device: number, saved: SavedStatus): void {
    this.#resize(device + 1);
    const nowMs = this.#clock.innerMs;
    this.#rhythms.restore(device, saved.gapsMs);
    this.#setThresholds(device);
    // It may have lost its parent since.
    const isStale = saved.isStale && this.#family.parentOf(device) >= 0;
    this.#status[device] = saved.status === "stale" && !isStale ? ONLINE : STATUSES.indexOf(saved.status);
    this.#sinceMs[device] = saved.sinceMs;
    this.#reasons[device] = saved.reason;
    if (saved.seenMs > 0) this.#seenMs[device] = Math.min(this.#clock.innerOf(saved.seenMs), nowMs);
    this.#seenWallMs[device] = saved.seenMs;
    if (saved.deadMs > 0) this.#deadMs.set(device, Math.min(this.#clock.innerOf(saved.deadMs), nowMs));
    this.#flags[device] = isStale ? IS_STALE : 0;
    const silentMs = { late: this.#lateAfterMs[device], offline: this.#offlineAfterMs[device] };
    const silent = saved.status === "late" || saved.status === "offline" ? silentMs[saved.status] : 0;
    if (saved.status !== "never_seen") {
      this.#silentFromMs[device] = Number.isFinite(silent) ? nowMs - silent : nowMs;
    }
    const flapAtMs = Math.min(this.#clock.innerOf(saved.flapAtMs), nowMs);
    this.#flapping.set(device, saved.flapScore, flapAtMs, saved.isFlapping);
    if (saved.isFlapping) this.#held.begin(device, this.#status[device], nowMs);
    this.#schedule(device);
  }

  #learn(device: number): void {
    const p95Ms = this.#rhythms.p95Ms(device);
    if (this.#rhythms.hasDrifted(device, p95Ms)) this.#flags[device] |= IS_UNSAVED;
    this.#setThresholds(device, p95Ms);
    this.#schedule(device);
  }

  /** Whether somebody set, or arrivals told, how long it may be silent. */
  #isIntervalKnown(device: number): boolean {
    return this.#settings.has(device) ? this.#lateAfterMs[device] < Infinity : this.#rhythms.isKnown(device);
  }

  #setThresholds(device: number, p95Ms = this.#rhythms.p95Ms(device)): void {
    const { lateAfterMs, offlineAfterMs } = thresholdsOf(this.#settings.get(device) ?? INFERRED, p95Ms);
    this.#lateAfterMs[device] = lateAfterMs;
    this.#offlineAfterMs[device] = offlineAfterMs;
  }

  #heard(device: number, seenMs: number, atMs: number): void {
    const deadMs = this.#deadMs.get(device);
    if (deadMs !== undefined && seenMs > deadMs) this.#deadMs.delete(device);
    // What was on its way when its parent went is no sign that there is another way.
    const isHeardSince = this.#clock.wallOf(seenMs) > this.#sinceMs[device];
    if ((this.#flags[device] & IS_STALE) !== 0 && isHeardSince) this.#flags[device] &= ~IS_STALE;
    this.#settle(device, Math.max(atMs, seenMs), "");
  }

  /** As it is at a time by itself. */
  #statusAt(device: number, atMs: number): number {
    if (this.#deadMs.has(device)) return OFFLINE;
    if ((this.#flags[device] & IS_STALE) !== 0) return STALE;
    if (this.#silentFromMs[device] === -Infinity) return NEVER;
    // As #dueAtMs adds, to the last bit.
    if (atMs < this.#silentFromMs[device] + this.#lateAfterMs[device]) return ONLINE;
    return atMs < this.#silentFromMs[device] + this.#offlineAfterMs[device] ? LATE : OFFLINE;
  }

  /** Brings what is said of it, and of those that are reached through it, up to a time. */
  #settle(device: number, atMs: number, why: string): void {
    const before = this.#status[device];
    const after = this.#statusAt(device, atMs);
    if (after !== before) {
      const wasDown = this.#isDown(device);
      const silentMs = atMs - this.#silentFromMs[device];
      const limits = { lateAfterMs: this.#lateAfterMs[device], offlineAfterMs: this.#offlineAfterMs[device] };
      const reason = why || reasonOf(STATUSES[before], STATUSES[after], silentMs, limits);
      this.#change(device, after, atMs, reason);
      const isDown = this.#isDown(device);
      if (isDown && !wasDown) this.#makeStale([...this.#family.childrenOf(device)], atMs, device);
      if (wasDown && !isDown) {
        this.#release([...this.#family.childrenOf(device)], atMs, `${this.#nameOf(device)} is back`);
      }
    } else this.#endFlapping(device, atMs);
    this.#schedule(device);
  }

  #isDown(device: number): boolean {
    return this.#status[device] === OFFLINE || this.#status[device] === STALE;
  }

  /** With all that are reached through them; nobody twice, whatever circles there are. */
  #makeStale(devices: number[], atMs: number, parent: number): void {
    const reason = `${this.#nameOf(parent)} is ${STATUSES[this.#status[parent]]}`;
    for (let device = devices.pop(); device !== undefined; device = devices.pop()) {
      const status = this.#status[device];
      if (status !== ONLINE && status !== LATE) continue;
      this.#flags[device] |= IS_STALE;
      this.#rhythms.interrupt(device);
      this.#change(device, STALE, atMs, reason);
      this.#schedule(device);
      for (const child of this.#family.childrenOf(device)) devices.push(child);
    }
  }

  /** Their silence begins anew: they could not be heard. */
  #release(devices: number[], atMs: number, reason: string): void {
    for (let device = devices.pop(); device !== undefined; device = devices.pop()) {
      if ((this.#flags[device] & IS_STALE) === 0) continue;
      this.#flags[device] &= ~IS_STALE;
      this.#silentFromMs[device] = Math.max(this.#silentFromMs[device], atMs);
      if (this.#status[device] !== STALE) continue;
      this.#change(device, this.#statusAt(device, atMs), atMs, reason);
      this.#schedule(device);
      for (const child of this.#family.childrenOf(device)) devices.push(child);
    }
  }

  #change(device: number, status: number, atMs: number, reason: string): void {
    const before = this.#status[device];
    this.#status[device] = status;
    this.#flags[device] |= IS_UNSAVED;
    this.#sinceMs[device] = Math.max(this.#clock.wallOf(atMs), this.#sinceMs[device]);
    this.#reasons[device] = reason;
    // To be heard for the first time is no change for the worse or the better.
    if (before !== NEVER) this.#flapping.changed(device, atMs);
    if (!this.#flapping.isFlapping(device)) return this.#tell(device, before, 0);
    const told = this.#held.changed(device, before, status, atMs);
    if (told !== undefined) this.#tell(device, told.before, told.omitted);
  }

  #endFlapping(device: number, atMs: number): void {
    if (!this.#flapping.isFlapping(device)) return;
    const hasEnded = this.#flapping.hasEnded(device, atMs);
    const told = hasEnded
      ? this.#held.end(device, this.#status[device])
      : this.#held.due(device, this.#status[device], atMs);
    if (hasEnded) this.#flags[device] |= IS_UNSAVED;
    if (told !== undefined) this.#tell(device, told.before, told.omitted, atMs);
  }

  #tell(device: number, before: number, omitted: number, atMs?: number): void {
    this.#changes.push({
      device,
      status: STATUSES[this.#status[device]],
      previous: STATUSES[before],
      atMs: Math.max(this.#sinceMs[device], atMs === undefined ? 0 : this.#clock.wallOf(atMs)),
      reason: this.#reasons[device],
      isFlapping: this.#flapping.isFlapping(device),
      omitted,
    });
  }

  #dueAtMs(device: number): number {
    const status = this.#status[device];
    const fromMs = this.#silentFromMs[device];
    let dueMs = Infinity;
    if (status === ONLINE) dueMs = fromMs + this.#lateAfterMs[device];
    else if (status === LATE) dueMs = fromMs + this.#offlineAfterMs[device];
    if (!this.#flapping.isFlapping(device)) return dueMs;
    return Math.min(dueMs, this.#flapping.endsAtMs(device), this.#held.dueAtMs(device, status));
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
    this.#sinceMs[device] = 0;
    this.#seenWallMs[device] = 0;
    this.#reasons[device] = "";
    this.#setThresholds(device);
  }

  #resize(wanted: number): void {
    const before = this.#status.length;
    if (wanted <= before) return;
    const length = Math.max(wanted, Math.ceil(before * 1.25), LENGTH_MIN);
    for (const part of [this.#rhythms, this.#deadlines, this.#family, this.#flapping]) part.resize(length);
    this.#status = grown(this.#status, length);
    this.#flags = grown(this.#flags, length);
    this.#seenMs = grown(this.#seenMs, length);
    this.#silentFromMs = grown(this.#silentFromMs, length);
    this.#lateAfterMs = grown(this.#lateAfterMs, length);
    this.#offlineAfterMs = grown(this.#offlineAfterMs, length);
    this.#sinceMs = grown(this.#sinceMs, length);
    this.#seenWallMs = grown(this.#seenWallMs, length);
    for (let device = before; device < length; device++) this.#setUp(device);
  }
}
