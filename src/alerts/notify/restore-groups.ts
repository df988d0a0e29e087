/** Puts groups together again from what was written down. */
import type { Group } from "./group.ts";
import type { Grouping } from "./grouping.ts";
import type { StoredState, StoredTold } from "./notify-document.ts";
import { isFiring, type TrackedAlert } from "./tracked-alert.ts";

/** Makes the groups, still empty. Returns the keys of those that the configuration has no place for. */
export function restoreGroups({ groups }: StoredState, grouping: Grouping): string[] {
  return [...groups].filter(([key, stored]) => grouping.restore(key, stored) === undefined).map(([key]) => key);
}

/** The latest time that is known to have been; −Infinity where there is none. */
export function latestOf(groups: Iterable<Group>, alerts: Iterable<TrackedAlert>): number {
  let latestMs = -Infinity;
  for (const group of groups) latestMs = Math.max(latestMs, group.latestMs);
  for (const { graceFromMs } of alerts) latestMs = Math.max(latestMs, graceFromMs);
  return latestMs;
}

/** Firing alerts go where their labels lead now; what is known of them, and those that are over, to where they were. */
export function restoreMembers(
  { alerts: stored, told }: StoredState,
  grouping: Grouping,
  alerts: ReadonlyMap<string, TrackedAlert>,
  nowMs: number,
): void {
  for (const { facts, pending } of stored) {
    const alert = alerts.get(facts.id)!;
    if (isFiring(alert)) grouping.place(alert, nowMs);
    for (const key of pending) {
      const group = grouping.get(key);
      if (group !== undefined) grouping.join(group, alert, 0);
    }
  }
  for (const [key, known] of told) {
    const group = grouping.get(key);
    if (group !== undefined) restoreTold(group, known, grouping, alerts);
  }
}

function restoreTold(
  group: Group,
  told: StoredTold,
  grouping: Grouping,
  alerts: ReadonlyMap<string, TrackedAlert>,
): void {
  for (const [id, rank] of told) {
    const alert = alerts.get(id);
    const member = group.members.get(id);
    if (member !== undefined) member.toldRank = rank;
    else if (alert !== undefined && isFiring(alert)) {
      grouping.join(group, alert, rank);
      group.members.get(id)!.hasLeft = true;
    }
  }
}
