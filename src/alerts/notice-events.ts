/** How silences, and what happens beside notifications, stand in the journal. */
import type { JournalEvent } from "../model/journal.ts";
import type { NotifyEvent } from "./notify/notify-event.ts";
import type { Silence } from "./notify/silence.ts";
import type { Delivery } from "./notify/delivery.ts";
import type { Notification } from "./notify/notification.ts";
import type { DeliveryAttempt } from "./receivers/delivery.ts";

export const DELIVERY_EVENT = "delivery";

export interface Attempted extends Pick<Delivery, "groupKey"> {
  readonly notification: Pick<Notification, "alerts">;
  readonly reason: Delivery["reason"] | "escalated" | "test";
}

const NOTICE_EVENT = "notice";
const SILENCE_EVENT = "silence";

export function silenceEvent(
  change: "put" | "expired",
  silence: Silence,
  { actor, atMs }: Pick<JournalEvent, "actor" | "atMs">,
): JournalEvent {
  return { atMs, kind: SILENCE_EVENT, subject: silence.id, actor, payload: JSON.stringify({ change, silence }) };
}

export function noticeEvent(event: NotifyEvent, atMs: number): JournalEvent {
  return { atMs, kind: NOTICE_EVENT, subject: event.kind, actor: "", payload: JSON.stringify(event) };
}

/** An attempt to tell a receiver. */
export function attemptEvent(
  { groupKey, reason, notification }: Attempted,
  attempt: DeliveryAttempt,
  actor: string,
  atMs: number,
): JournalEvent {
  const alertIds = notification.alerts.map(({ id }) => id);
  const payload = JSON.stringify({ ...attempt, groupKey, reason, alertIds });
  return { atMs, kind: DELIVERY_EVENT, subject: attempt.receiver, actor, payload };
}
