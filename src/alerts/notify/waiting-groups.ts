import type { Group } from "./group.ts";

interface Waiting {
  readonly groups: Set<Group>;
  /** With so many, those that no longer exist are let go. */
  tidyAt: number;
}

const TIDY_MIN = 64;

/** Groups with alerts that are held back, by what has to end for them to be looked at again. */
export class WaitingGroups {
  readonly #waiting = new Map<string, Waiting>();

  add(waitsFor: string, group: Group): void {
    let waiting = this.#waiting.get(waitsFor);
    if (waiting === undefined) this.#waiting.set(waitsFor, (waiting = { groups: new Set(), tidyAt: TIDY_MIN }));
    const { groups } = waiting;
    groups.add(group);
    if (groups.size < waiting.tidyAt) return;
    for (const each of groups) if (each.isGone) groups.delete(each);
    waiting.tidyAt = Math.max(TIDY_MIN, 2 * groups.size);
  }

  /** Those that still exist. They wait for it no more. */
  take(waitsFor: string): Group[] {
    const waiting = this.#waiting.get(waitsFor);
    this.#waiting.delete(waitsFor);
    return waiting === undefined ? [] : [...waiting.groups].filter(({ isGone }) => !isGone);
  }
}
