/** Statuses of devices on a simulated clock, and what they told. */
import { DeviceStatuses } from "../../../src/devices/status/device-statuses.ts";
import type { StatusChange, StatusSettings } from "../../../src/devices/status/status.ts";

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
const STARTS_AT_MS = 1_700_000_000_000;

export class StatusRig {
  nowMs = STARTS_AT_MS;
  statuses: DeviceStatuses;
  readonly changes: StatusChange[] = [];

  constructor() {
    this.statuses = this.opened();
  }

  opened(): DeviceStatuses {
    return new DeviceStatuses({ nowMs: this.nowMs, nameOf: (device) => `device-${device}` });
  }

  /** Second by second. */
  pass(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs;) {
      this.nowMs = Math.min(endMs, this.nowMs + SECOND);
      this.tick();
    }
  }

  tick(): void {
    this.changes.push(...this.statuses.advance(this.nowMs));
  }

  hear(device: number, agoMs = 0): void {
    this.statuses.arrived(device, this.nowMs - agoMs, this.nowMs);
  }

  /** So often that its interval is known. */
  hearEvery(device: number, intervalMs: number, times = 10): void {
    for (let i = 0; i < times; i++) {
      this.hear(device);
      this.pass(intervalMs);
    }
    this.hear(device);
    this.tick();
  }

  dies(device: number, reason = "last will"): void {
    this.statuses.event(device, { kind: "death", timeMs: this.nowMs, reason }, this.nowMs);
    this.tick();
  }

  isBorn(device: number, reason = "birth"): void {
    this.statuses.event(device, { kind: "birth", timeMs: this.nowMs, reason }, this.nowMs);
    this.tick();
  }

  configure(device: number, settings: Partial<StatusSettings>): void {
    this.statuses.configure(device, {
      ...{ expectedIntervalMs: 0, lateAfterMs: 0, offlineAfterMs: 0, isEventDriven: false },
      ...settings,
    });
    this.tick();
  }

  statusOf(device: number): string {
    return this.statuses.statusOf(device).status;
  }

  /** Takes what was told since: "device status after how much time since the rig began". */
  told(): string[] {
    return this.changes.splice(0).map(({ device, status }) => `${device} ${status}`);
  }
}
