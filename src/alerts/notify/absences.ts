/**
 * Silent devices and what is above them. A gateway or a site that is silent explains that the devices behind it are, and
 * holds back the alerts about their silence, and no others.
 */
import type { Labels } from "./label-matcher.ts";
import { isFiring, type TrackedAlert } from "./tracked-alert.ts";

/** What stands above the device that the labels are of, in any order: its gateway, its site. */
export type ParentsOf = (labels: Labels) => readonly string[];

export class Absences {
  readonly #parentsOf: ParentsOf;
  /** Firing alerts about the silence of a device. */
  readonly #silent = new Map<string, Set<string>>();
  /** Firing alerts about the silence of what is below a device. */
  readonly #below = new Map<string, Set<TrackedAlert>>();
  readonly #parents = new Map<string, readonly string[]>();

  constructor(parentsOf: ParentsOf) {
    this.#parentsOf = parentsOf;
  }

  /** Takes a firing alert. One that is there already has to be removed first. */
  add(alert: TrackedAlert): void {
    const { absenceOf, labels } = alert.facts;
    if (absenceOf === "" || !isFiring(alert)) return;
    put(this.#silent, absenceOf, alert.id);
    const parents = this.#parentsOf(labels).filter((parent) => parent !== absenceOf);
    if (parents.length === 0) return;
    this.#parents.set(alert.id, parents);
    for (const parent of parents) put(this.#below, parent, alert);
  }

  /** Returns the alerts below a device that is no longer silent: their grace begins now. */
  remove(alert: TrackedAlert, absenceOf: string): TrackedAlert[] {
    if (absenceOf === "") return [];
    for (const parent of this.#parents.get(alert.id) ?? []) take(this.#below, parent, alert);
    this.#parents.delete(alert.id);
    const isBack = take(this.#silent, absenceOf, alert.id);
    return isBack ? [...(this.#below.get(absenceOf) ?? [])] : [];
  }

  /** A silent device above that of the alert, and the alert about it. */
  silentAbove(id: string): { readonly device: string; readonly by: string } | undefined {
    for (const device of this.#parents.get(id) ?? []) {
      for (const by of this.#silent.get(device) ?? []) return { device, by };
    }
    return undefined;
  }

  /** Until when an alert is held back; −Infinity for one with nothing above it. */
  heldUntilMs({ id, facts, graceFromMs }: TrackedAlert): number {
    return this.#parents.has(id) ? graceFromMs + facts.graceMs : -Infinity;
  }
}

function put<T>(sets: Map<string, Set<T>>, key: string, value: T): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}

/** Whether it was the last one. */
function take<T>(sets: Map<string, Set<T>>, key: string, value: T): boolean {
  const set = sets.get(key);
  if (set === undefined || !set.delete(value) || set.size > 0) return false;
  return sets.delete(key);
}
