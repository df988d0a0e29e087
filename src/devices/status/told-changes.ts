/** What is told of changes: since when and why a device has its status, and which of one that changes too often are for no journal. */
import { Flapping } from "./flapping.ts";
import { grown } from "./grown.ts";
import { HeldChanges } from "./held-changes.ts";
import type { InnerClock } from "./inner-clock.ts";
import { NEVER, STATUSES, type SavedStatus, type StatusChange } from "./status.ts";

/** A device has this status from now on. */
export interface Become {
  readonly device: number;
  readonly before: number;
  readonly status: number;
  /** Inner. */
  readonly atMs: number;
  readonly reason: string;
  readonly by: string;
}

export class ToldChanges {
  readonly #clock: InnerClock;
  readonly #flapping = new Flapping();
  readonly #held = new HeldChanges();
  readonly #reasons: string[] = [];
  /** Unix milliseconds. */
  #sinceMs = new Float64Array(0);
  #changes: StatusChange[] = [];
  /** How many were taken, since the start. */
  taken = 0;

  constructor(clock: InnerClock) {
    this.#clock = clock;
  }

  resize(length: number): void {
    this.#flapping.resize(length);
    this.#sinceMs = grown(this.#sinceMs, length);
  }

  sinceMs(device: number): number {
    return this.#sinceMs[device];
  }

  reason(device: number): string {
    return this.#reasons[device] ?? "";
  }

  isFlapping(device: number): boolean {
    return this.#flapping.isFlapping(device);
  }

  become({ device, before, status, atMs, reason, by }: Become): void {
    this.#sinceMs[device] = Math.max(this.#clock.wallOf(atMs), this.#sinceMs[device]);
    this.#reasons[device] = reason;
    // To be heard for the first time is no change for the worse or the better.
    if (before !== NEVER) this.#flapping.changed(device, atMs);
    if (!this.#flapping.isFlapping(device)) return this.#tell(device, status, before, 0, by);
    const told = this.#held.changed(device, before, status, atMs);
    if (told === undefined) this.#tell(device, status, before, 0, by, { isHeld: true });
    else this.#tell(device, status, told.before, told.omitted, by);
  }

  /** Of one that is not another one: what was held back of it by now. True: its flapping is over. */
  stays(device: number, status: number, atMs: number): boolean {
    if (!this.#flapping.isFlapping(device)) return false;
    const hasEnded = this.#flapping.hasEnded(device, atMs);
    const told = hasEnded ? this.#held.end(device, status) : this.#held.due(device, status, atMs);
    if (told !== undefined) this.#tell(device, status, told.before, told.omitted, "", { atMs });
    return hasEnded;
  }

  /** When there is more to tell of one that stays as it is, inner; Infinity: there is nothing. */
  dueAtMs(device: number, status: number): number {
    if (!this.#flapping.isFlapping(device)) return Infinity;
    return Math.min(this.#flapping.endsAtMs(device), this.#held.dueAtMs(device, status));
  }

  /** Those that were forgotten with their devices count. */
  get made(): number {
    return this.taken + this.#changes.length;
  }

  get count(): number {
    return this.#changes.length;
  }

  /** In order, up to so many. */
  take(max: number): StatusChange[] {
    const changes = this.#changes;
    this.#changes = changes.length > max ? changes.slice(max) : [];
    const taken = changes.length > max ? changes.slice(0, max) : changes;
    this.taken += taken.length;
    return taken;
  }

  snapshot(device: number): Pick<SavedStatus, "sinceMs" | "reason" | "isFlapping" | "flapScore" | "flapAtMs"> {
    const nowMs = this.#clock.innerMs;
    return {
      sinceMs: this.#sinceMs[device],
      reason: this.reason(device),
      isFlapping: this.isFlapping(device),
      flapScore: this.#flapping.scoreOf(device, nowMs),
      flapAtMs: this.#clock.wallOf(nowMs),
    };
  }

  restore(device: number, status: number, saved: SavedStatus): void {
    const nowMs = this.#clock.innerMs;
    this.#sinceMs[device] = saved.sinceMs;
    this.#reasons[device] = saved.reason;
    const flapAtMs = Math.min(this.#clock.innerOf(saved.flapAtMs), nowMs);
    this.#flapping.set(device, saved.flapScore, flapAtMs, saved.isFlapping);
    if (saved.isFlapping) this.#held.begin(device, status, nowMs);
  }

  forget(device: number): void {
    this.#flapping.set(device, 0, 0, false);
    this.#held.forget(device);
    const { length } = this.#changes;
    this.#changes = this.#changes.filter((change) => change.device !== device);
    this.taken += length - this.#changes.length;
    this.#sinceMs[device] = 0;
    this.#reasons[device] = "";
  }

  #tell(
    device: number,
    status: number,
    before: number,
    omitted: number,
    by: string,
    { atMs, isHeld = false }: { readonly atMs?: number; readonly isHeld?: boolean } = {},
  ): void {
    this.#changes.push({
      device,
      status: STATUSES[status],
      previous: STATUSES[before],
      atMs: Math.max(this.#sinceMs[device], atMs === undefined ? 0 : this.#clock.wallOf(atMs)),
      reason: this.reason(device),
      isFlapping: this.isFlapping(device),
      isHeld,
      omitted,
      by,
    });
  }
}
