/** One notification on its way to one channel of a receiver. */
import { rankOf } from "../severity.ts";
import type { DeliveryReason, FlushPlan, MutedCounts } from "./flush-plan.ts";
import type { Group, Member } from "./group.ts";
import type { Notification, NotifiedAlert } from "./notification.ts";
import type { NotifyConfig } from "./notify-config.ts";

export interface Delivery {
  /** No other one has it, over restarts too. */
  readonly id: string;
  readonly notification: Notification;
  readonly reason: DeliveryReason;
  /** The route's matchers and those above it. */
  readonly route: string;
  readonly receiver: string;
  /** Of the receiver; "" where it has only one. */
  readonly channel: string;
  /** That of the notification. */
  readonly groupKey: string;
  /** Firing alerts of the group that are left out, by why. */
  readonly muted: MutedCounts;
}

/** "retrying": an attempt has failed and another one follows. "failed": it is given up; its group tries again later. */
export type DeliveryOutcome = "sent" | "retrying" | "failed";

/** As one that somebody else may have sent. */
export function asRepeat(delivery: Delivery): Delivery {
  return { ...delivery, notification: { ...delivery.notification, isRepeated: true } };
}

/** The gravest first, then the oldest. What fires stands before what is over. */
export function deliveryOf(
  id: string,
  group: Group,
  plan: FlushPlan,
  isRepeated: boolean,
  config: Pick<NotifyConfig, "maxAlerts" | "externalUrl">,
): Delivery {
  const { target, groupKey } = group;
  const { receiver, channel, sendsResolved, route } = target;
  const resolved = sendsResolved ? plan.resolved : [];
  const alerts = gravestOf(plan.firing, config.maxAlerts);
  alerts.push(...gravestOf(resolved, config.maxAlerts - alerts.length));
  const notification: Notification = {
    receiver,
    groupKey,
    groupLabels: group.labels,
    status: plan.firing.length > 0 ? "firing" : "resolved",
    alerts,
    truncatedAlerts: plan.firing.length + resolved.length - alerts.length,
    externalUrl: config.externalUrl,
    isRepeated,
  };
  return { id, notification, reason: plan.reason!, route: route.key, receiver, channel, groupKey, muted: plan.muted };
}

/** Those with the gravest alerts first: they are the first to be sent where there are many. */
export function inOrderOfGravity(deliveries: readonly Delivery[]): Delivery[] {
  return [...deliveries].sort((a, b) => {
    const [first, other] = [a.notification.alerts[0], b.notification.alerts[0]];
    const byStatus = Number(first.status === "resolved") - Number(other.status === "resolved");
    return byStatus || byGravity(first, other) || compare(a.id, b.id);
  });
}

/** The first of them in order, without putting all of them in order. */
function gravestOf(members: readonly Member[], max: number): NotifiedAlert[] {
  const first: NotifiedAlert[] = [];
  for (const { alert } of members) {
    const { facts } = alert;
    let at = first.length;
    while (at > 0 && isBefore(facts, first[at - 1])) at--;
    if (at === max) continue;
    if (first.length === max) first.pop();
    first.splice(at, 0, facts);
  }
  return first;
}

function isBefore(a: NotifiedAlert, b: NotifiedAlert): boolean {
  return (byGravity(a, b) || compare(a.id, b.id)) < 0;
}

function byGravity(a: NotifiedAlert, b: NotifiedAlert): number {
  return rankOf(b.severity) - rankOf(a.severity) || a.startsAtMs - b.startsAtMs;
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
