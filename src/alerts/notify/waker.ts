/** Sees to it that groups are looked at when there may be something new to say: by news, and by what no longer holds back. */
import { rankOf } from "../severity.ts";
import type { Mute } from "./alert-facts.ts";
import type { ChangedDocuments } from "./changed-documents.ts";
import { rankHere } from "./flush-plan.ts";
import { isFiringHere, type Group, type Member } from "./group.ts";
import type { Grouping } from "./grouping.ts";
import type { Freed, Mutes } from "./mutes.ts";
import type { TrackedAlert } from "./tracked-alert.ts";
import { WaitingGroups } from "./waiting-groups.ts";

export interface WakerDeps {
  readonly mutes: Mutes;
  readonly grouping: Grouping;
  readonly changed: ChangedDocuments;
}

const CRITICAL = rankOf("critical");

export class Waker {
  readonly #deps: WakerDeps;
  readonly #waiting = new WaitingGroups();

  constructor(deps: WakerDeps) {
    this.#deps = deps;
  }

  /** Why an alert is left out. Its group will be looked at when that ends; the end of a silence says itself whom it lets go. */
  muteIn(group: Group, alert: TrackedAlert, nowMs: number): Mute | undefined {
    const mute = this.#deps.mutes.muteOf(alert, nowMs);
    if (mute?.kind === "held") group.heldUntilMs = Math.min(group.heldUntilMs, mute.untilMs);
    else if (mute?.kind === "inhibited") this.#waiting.add(mute.waitsFor, group);
    return mute;
  }

  /** There is news of an alert. */
  note(alert: TrackedAlert, nowMs: number): void {
    this.#deps.changed.mark("alert", alert.id);
    for (const group of alert.groups) {
      group.mayRepeat = true;
      group.noteChange(nowMs);
      this.#noteUrgent(group, group.members.get(alert.id)!, nowMs);
      this.#deps.grouping.schedule(group, nowMs);
    }
  }

  /** These may no longer be held back. */
  wakeGroupsOf(alerts: readonly TrackedAlert[], nowMs: number): void {
    for (const group of new Set(alerts.flatMap(({ groups }) => groups))) {
      this.#wake(group, nowMs);
      this.#noteUrgents(group, nowMs);
      this.#deps.grouping.schedule(group, nowMs);
    }
  }

  /** The grace of an alert may be over. */
  wakeHeld(group: Group, nowMs: number): void {
    group.heldUntilMs = Infinity;
    this.#wake(group, nowMs);
    this.#noteUrgents(group, nowMs);
  }

  /** Not at once, not even critical ones: what goes with an alert that is over is likely to be over soon. */
  free({ waits, graced }: Freed, nowMs: number): void {
    const { grouping, changed } = this.#deps;
    for (const alert of graced) {
      alert.graceFromMs = nowMs;
      changed.mark("alert", alert.id);
      for (const group of alert.groups) {
        this.muteIn(group, alert, nowMs);
        grouping.schedule(group, nowMs);
      }
    }
    for (const group of waits.flatMap((waitsFor) => this.#waiting.take(waitsFor))) {
      this.#wake(group, nowMs);
      grouping.schedule(group, nowMs);
    }
  }

  /** After a restart. What is not held back any more, or is in the group for the first time, is news. */
  resume(group: Group, nowMs: number): void {
    const hadNews = group.changeMs !== Infinity || group.isLost;
    for (const member of group.members.values()) {
      const { alert, toldRank } = member;
      if (!isFiringHere(member) || this.muteIn(group, alert, nowMs) !== undefined) continue;
      if (!alert.facts.isAcknowledged) group.mayRepeat = true;
      if (toldRank >= rankHere(member)) continue;
      group.noteChange(nowMs);
      if (!hadNews) this.#noteUrgent(group, member, nowMs);
    }
    this.#deps.grouping.closeIfEmpty(group);
    this.#deps.grouping.enqueue(group, nowMs);
  }

  #wake(group: Group, nowMs: number): void {
    group.mayRepeat = true;
    group.noteChange(nowMs);
  }

  #noteUrgents(group: Group, nowMs: number): void {
    if (group.urgentMs !== Infinity) return;
    for (const member of group.members.values()) this.#noteUrgent(group, member, nowMs);
  }

  #noteUrgent(group: Group, member: Member, nowMs: number): void {
    const { alert, toldRank } = member;
    const knownRank = Math.max(toldRank, group.inFlight?.firing.get(alert.id) ?? 0);
    if (!isFiringHere(member) || rankHere(member) < CRITICAL || knownRank >= CRITICAL) return;
    if (this.muteIn(group, alert, nowMs) !== undefined) return;
    if (!alert.isOwed) this.#deps.changed.mark("alert", alert.id);
    alert.isOwed = true;
    group.noteUrgent(nowMs);
  }
}
