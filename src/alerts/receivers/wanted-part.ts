import type { Notification } from "../notify/notification.ts";

/**
 * What of a notification goes to a receiver: all of it, or only what fires where it does not want to hear of what is
 * resolved. Undefined: nothing is left to say.
 */
export function wantedPart(notification: Notification, sendResolved: boolean): Notification | undefined {
  if (sendResolved) return notification;
  const firing = notification.alerts.filter(({ status }) => status === "firing");
  if (firing.length === 0) return undefined;
  return firing.length === notification.alerts.length ? notification : { ...notification, alerts: firing };
}
