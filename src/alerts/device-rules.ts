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

/** `isMet` undefined: the device is gone. `sinceMs`: since when it has its status, where that is known. */
type Judge<T> = (rule: T, device: string, isMet: boolean | undefined, sinceMs?: number) => void;

/** There is no device. */
export const NO_DEVICES: DeviceStandings = { having: () => [], get: () => undefined, follow: () => () => {} };

export class DeviceRules<T extends DeviceRule> {
  readonly #rules = new Set<T>();
  readonly #devices: DeviceStandings;
  readonly #judge: Judge<T>;
  readonly #unfollow: () => void;
  #isRunning = false;

  constructor(devices: DeviceStandings, judge: Judge<T>) {
    this.#devices = devices;
    this.#judge = judge;
    this.#unfollow = devices.follow((device, standing) => {
      if (!this.#isRunning) return;
      for (const rule of this.#rules) judge(rule, device, standing && isMetBy(standing, rule), standing?.sinceMs);
    });
  }

  add(rule: T): void {
    this.#rules.add(rule);
    if (this.#isRunning) this.#judgeAll(rule, ({ sinceMs }) => sinceMs);
  }

  delete(rule: T): void {
    this.#rules.delete(rule);
  }

  /** What stood before is restored: goes by how devices stand from now on. */
  start(): void {
    this.#isRunning = true;
    // Time in which the server was away does not count: what was not met before is met from now on.
    for (const rule of this.#rules) this.#judgeAll(rule, () => undefined);
  }

  isKnown(device: string): boolean {
    return this.#devices.get(device) !== undefined;
  }

  close(): void {
    this.#unfollow();
  }

  #judgeAll(rule: T, sinceMsOf: (standing: DeviceStanding) => number | undefined): void {
    const { condition } = rule.rule;
    if (condition.kind !== "device") return;
    const others = new Set(Array.from(rule.instances.keys(), deviceOfPlace));
    for (const standing of this.#devices.having(condition.statuses)) {
      others.delete(standing.device);
      this.#judge(rule, standing.device, isMetBy(standing, rule), sinceMsOf(standing));
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
function isMetBy(standing: DeviceStanding, { rule, matcher }: DeviceRule): boolean {
  const { condition } = rule;
  if (condition.kind !== "device" || !condition.statuses.some((one) => one === standing.status)) return false;
  return isOfDevice(standing, matcher);
}

/** Whatever its status. */
export function isOfDevice({ device, site, type, parent, tags }: DeviceStanding, matcher: SeriesMatcher): boolean {
  const all = Object.entries({ ...tags, device, site, type, parent });
  return matcher.matchesIdentity({ metric: "", source: "", tags: all });
}
