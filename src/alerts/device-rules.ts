/** Rules on what status devices have: says of each device and rule whether the condition is met, when either changes. */
import type { DeviceStanding, DeviceStandings } from "../model/device-standing.ts";
import type { SeriesMatcher } from "../model/matcher.ts";
import type { Rule } from "./rule.ts";

interface DeviceRule {
  rule: Rule;
  readonly matcher: SeriesMatcher;
}

/** There is no device. */
export const NO_DEVICES: DeviceStandings = { all: () => [], get: () => undefined, follow: () => () => {} };

export class DeviceRules<T extends DeviceRule> {
  readonly #rules = new Set<T>();
  readonly #devices: DeviceStandings;
  /** `isMet` undefined: the device is gone. */
  readonly #judge: (rule: T, device: string, isMet: boolean | undefined) => void;
  readonly #unfollow: () => void;
  #isRunning = false;

  constructor(devices: DeviceStandings, judge: (rule: T, device: string, isMet: boolean | undefined) => void) {
    this.#devices = devices;
    this.#judge = judge;
    this.#unfollow = devices.follow((device, standing) => {
      if (!this.#isRunning) return;
      for (const rule of this.#rules) judge(rule, device, standing && isMetBy(standing, rule));
    });
  }

  add(rule: T): void {
    this.#rules.add(rule);
    if (this.#isRunning) this.#judgeAll(rule);
  }

  delete(rule: T): void {
    this.#rules.delete(rule);
  }

  /** What stood before is restored: goes by how devices stand from now on. */
  start(): void {
    this.#isRunning = true;
    for (const rule of this.#rules) this.#judgeAll(rule);
  }

  isKnown(device: string): boolean {
    return this.#devices.get(device) !== undefined;
  }

  close(): void {
    this.#unfollow();
  }

  #judgeAll(rule: T): void {
    for (const standing of this.#devices.all()) this.#judge(rule, standing.device, isMetBy(standing, rule));
  }
}

/** As conditions of rules see a device: as they would see the tags of its points. */
function isMetBy({ device, site, type, parent, tags, status }: DeviceStanding, { rule, matcher }: DeviceRule): boolean {
  const { condition } = rule;
  if (condition.kind !== "device" || !condition.statuses.some((one) => one === status)) return false;
  const all = Object.entries({ ...tags, device, site, type, parent });
  return matcher.matchesIdentity({ metric: "", source: "", tags: all });
}
