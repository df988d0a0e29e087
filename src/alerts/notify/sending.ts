/** From groups that are due to deliveries, and from what has become of those to what receivers know. */
import type { Mute } from "./alert-facts.ts";
import type { ChangedDocuments } from "./changed-documents.ts";
import { deliveryOf, type Delivery, type DeliveryOutcome } from "./delivery.ts";
import { planFlush, rankHere } from "./flush-plan.ts";
import { isKnown, type Group, type Member } from "./group.ts";
import type { Grouping } from "./grouping.ts";
import type { NotifyConfig } from "./notify-config.ts";
import type { NotifyEvent } from "./notify-event.ts";
import { isFiring, type TrackedAlert } from "./tracked-alert.ts";

export interface SendingDeps {
  readonly config: NotifyConfig;
  readonly grouping: Grouping;
  readonly changed: ChangedDocuments;
  /** Whether an alert is left out. The group is to be looked at again when it no longer is. */
  muteIn(group: Group, alert: TrackedAlert): Mute | undefined;
  onEvent(event: NotifyEvent): void;
}

const FAILURES_TOLD = 3;

export class Sending {
  readonly #deps: SendingDeps;
  readonly #groups = new Map<string, Group>();

  constructor(deps: SendingDeps) {
    this.#deps = deps;
  }

  /** The group of a delivery that is in flight. */
  groupOf(deliveryId: string): Group | undefined {
    return this.#groups.get(deliveryId);
  }

  /** Looks at a group that has nothing in flight. Undefined: there is nothing to say. */
  flush(group: Group, nowMs: number): Delivery | undefined {
    group.heldUntilMs = Infinity;
    const plan = planFlush(group, nowMs, (alert) => this.#deps.muteIn(group, alert));
    const isOver = [...plan.unheard, ...plan.resolved];
    group.mayRepeat = plan.mayRepeat;
    if (plan.reason === undefined) {
      this.#lower(group, plan.firing);
      group.looked(nowMs);
      this.#dropAll(group, isOver);
      return undefined;
    }
    const isRepeated = group.isLost;
    const id = group.leaves(nowMs);
    const { sendsResolved } = group.target;
    const firing = new Map(plan.firing.map((member) => [member.alert.id, rankHere(member)]));
    group.inFlight = { id, firing, resolved: sendsResolved ? plan.resolved.map(({ alert }) => alert.id) : [] };
    this.#groups.set(id, group);
    this.#dropAll(group, sendsResolved ? plan.unheard : isOver);
    return deliveryOf(id, group, plan, isRepeated, this.#deps.config);
  }

  /** `group` has a delivery in flight. */
  settle(group: Group, outcome: DeliveryOutcome, nowMs: number): void {
    const { id } = group.inFlight!;
    if (outcome !== "sent") this.#countFailure(group, nowMs);
    if (outcome === "retrying") return;
    this.#groups.delete(id);
    if (outcome === "sent") this.#arrived(group, nowMs);
    else this.#givenUp(group, nowMs);
    this.#deps.grouping.closeIfEmpty(group);
  }

  #arrived(group: Group, nowMs: number): void {
    const { firing, resolved } = group.inFlight!;
    group.inFlight = undefined;
    group.arrived(nowMs);
    this.#deps.changed.mark("told", group.key);
    for (const [id, rank] of firing) {
      const member = group.members.get(id);
      if (member !== undefined) member.toldRank = rank;
    }
    for (const id of resolved) {
      const member = group.members.get(id);
      if (member === undefined) continue;
      if (isFiring(member.alert)) member.toldRank = 0;
      else this.#dropAll(group, [member]);
    }
  }

  #givenUp(group: Group, nowMs: number): void {
    group.inFlight = undefined;
    group.noteChange(nowMs);
    const members = [...group.members.values()];
    this.#dropAll(
      group,
      members.filter((member) => member.hasLeft && !isKnown(group, member)),
    );
  }

  #countFailure(group: Group, nowMs: number): void {
    group.failures++;
    if (group.failures !== FAILURES_TOLD) return;
    const { groupKey, target, inFlight } = group;
    const { receiver, channel } = target;
    const alertIds = [...inFlight!.firing.keys(), ...inFlight!.resolved];
    this.#deps.onEvent({ kind: "failedThrice", groupKey, receiver, channel, alertIds, atMs: nowMs });
  }

  /** A receiver that is not told that alerts are less grave hears all the same when they are graver again. */
  #lower(group: Group, firing: readonly Member[]): void {
    for (const member of firing) {
      const rank = rankHere(member);
      if (member.toldRank <= rank) continue;
      member.toldRank = rank;
      this.#deps.changed.mark("told", group.key);
    }
  }

  #dropAll(group: Group, members: readonly Member[]): void {
    for (const { alert } of members) this.#deps.grouping.drop(group, alert);
  }
}
