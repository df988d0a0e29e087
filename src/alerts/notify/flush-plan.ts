/** What a group has to say when it is looked at, and why. Follows what Alertmanager's deduplication says of its log. */
import { rankOf } from "../severity.ts";
import type { Mute, MuteKind } from "./alert-facts.ts";
import type { Group, Member } from "./group.ts";
import { isFiring, type TrackedAlert } from "./tracked-alert.ts";

/** Why a notification is sent; the first that holds. */
export type DeliveryReason =
  /** Nothing the receiver knows of was firing. */
  | "first"
  /** An alert fires that the receiver does not know of. */
  | "new"
  /** One is graver than it knows. */
  | "rose"
  /** One is over. */
  | "resolved"
  /** One is less grave than it knows. */
  | "fell"
  /** Nothing has changed for the repeat interval, and not all of it is acknowledged. */
  | "repeat";

export type MutedCounts = Readonly<Record<MuteKind, number>>;

export interface FlushPlan {
  /** Undefined: nothing is to be sent. */
  readonly reason: DeliveryReason | undefined;
  readonly firing: readonly Member[];
  /** Over, and not held back. */
  readonly resolved: readonly Member[];
  /** Over, and nobody is going to hear of it. */
  readonly unheard: readonly Member[];
  /** Firing alerts that are left out. */
  readonly muted: MutedCounts;
  /** Whether a firing alert is to be said again in time. */
  readonly mayRepeat: boolean;
}

/** `muteOf` is asked once for each alert that is in question. */
export function planFlush(group: Group, nowMs: number, muteOf: (alert: TrackedAlert) => Mute | undefined): FlushPlan {
  const muted = { inactive: 0, silenced: 0, inhibited: 0, held: 0 };
  const firing: Member[] = [];
  const resolved: Member[] = [];
  const unheard: Member[] = [];
  for (const member of group.members.values()) {
    const { alert } = member;
    if (isFiring(alert)) {
      if (member.hasLeft) continue;
      const mute = muteOf(alert);
      if (mute === undefined) firing.push(member);
      else muted[mute.kind]++;
    } else {
      // What is over is left out as long as it would be if it fired.
      (muteOf(alert) === undefined ? resolved : unheard).push(member);
    }
  }
  const mayRepeat = firing.some(({ alert }) => !alert.facts.isAcknowledged);
  const reason = reasonOf(group, firing, resolved, mayRepeat && group.repeatDueMs() <= nowMs);
  return { reason, firing, resolved, unheard, muted, mayRepeat };
}

function reasonOf(
  { target: { sendsResolved } }: Group,
  firing: readonly Member[],
  resolved: readonly Member[],
  isRepeatDue: boolean,
): DeliveryReason | undefined {
  const isNew = firing.some(({ toldRank }) => toldRank === 0);
  if (isNew) return firing.some(({ toldRank }) => toldRank > 0) ? "new" : "first";
  if (firing.some((member) => rankHere(member) > member.toldRank)) return "rose";
  if (sendsResolved) {
    // Where nothing fires, what came and went unnoticed stays so, unless it was critical.
    const isWorthIt = firing.length > 0 || resolved.some(({ alert, toldRank }) => toldRank > 0 || alert.isOwed);
    if (resolved.length > 0 && isWorthIt) return "resolved";
    if (firing.some((member) => rankHere(member) < member.toldRank)) return "fell";
  }
  return isRepeatDue ? "repeat" : undefined;
}

/** Of the severity that it has now. */
export function rankHere({ alert }: Member): number {
  return rankOf(alert.facts.severity);
}
