/** Rules on what status devices have: says of each device and rule whether the condition is met, when either changes. */
import type { DeviceStanding, DeviceStandings } from "../model/device-standing.ts";
import type { SeriesMatcher } from "../model/matcher.ts";
import type { InstancePlace } from "./evaluated-rule.ts";
import type { Rule } from "./rule.ts";

interface DeviceRule {
  rule: Rule;
  readonly matcher: SeriesMatcher;
  /** Those of devices that met the condition, or still do something about it. */
  readonly instances: ReadonlyMap<InstancePlace, unknown>;
}

/** There is no device. */
export const NO_DEVICES: DeviceStandings = { having: () => [], get: () => undefined, follow: () => () => {} };

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
    const { condition } = rule.rule;
    if (condition.kind !== "device") return;
    const others = new Set(Array.from(rule.instances.keys(), deviceOfPlace));
    for (const standing of this.#devices.having(condition.statuses)) {
      others.delete(standing.device);
      this.#judge(rule, standing.device, isMetBy(standing, rule));
    }
    for (const device of others) this.#judge(rule, device, this.isKnown(device) ? false : undefined);
  }
}

/** Of an instance of a rule on devices. */
export function placeOfDevice(device: string): InstancePlace {
  return JSON.stringify([device]);
}

/** Inverse of {@link placeOfDevice}. */
export function deviceOfPlace(place: InstancePlace): string {
  return (JSON.parse(String(place)) as string[])[0];
}

/** As conditions of rules see a device: as they would see the tags of its points. */
function isMetBy({ device, site, type, parent, tags, status }: DeviceStanding, { rule, matcher }: DeviceRule): boolean {
  const { condition } = rule;
  if (condition.kind !== "device" || !condition.statuses.some((one) => one === status)) return false;
  const all = Object.entries({ ...tags, device, site, type, parent });
  return matcher.matchesIdentity({ metric: "", source: "", tags: all });
}
