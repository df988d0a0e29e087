/** What a receiver is sent to see whether it gets there. Nobody may take it for the real thing. */
import type { Notification } from "../notify/notification.ts";

export const TEST_RULE = "watchpost-test";

export interface TestNotificationOptions {
  readonly receiver: string;
  /** No other test has it. */
  readonly id: string;
  /** Who asked for it. */
  readonly by: string;
  readonly externalUrl: string;
  readonly nowMs: number;
}

/** That it fires, and that it is over. */
export function testNotifications({ receiver, id, by, externalUrl, nowMs }: TestNotificationOptions): {
  readonly firing: Notification;
  readonly resolved: Notification;
} {
  const labels = { alertname: TEST_RULE, severity: "low", test: "true" };
  const alert = {
    id: `test-${id}`,
    rule: TEST_RULE,
    severity: "low",
    title: "This is a test of Watchpost: nothing is wrong",
    description: `${by} asked whether notifications get to the receiver ${receiver}. Nothing has to be done.`,
    runbook: "",
    labels,
    startsAtMs: nowMs,
    value: NaN,
    isAcknowledged: false,
    isStale: false,
  } as const;
  const common = {
    receiver,
    groupKey: `test ${id}`,
    groupLabels: { alertname: TEST_RULE },
    truncatedAlerts: 0,
    externalUrl,
    isRepeated: false,
  };
  return {
    firing: { ...common, status: "firing", alerts: [{ ...alert, status: "firing", endsAtMs: null }] },
    resolved: { ...common, status: "resolved", alerts: [{ ...alert, status: "resolved", endsAtMs: nowMs }] },
  };
}
