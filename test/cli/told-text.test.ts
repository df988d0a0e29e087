/** Who would have been told, as text. */
import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { notificationsTable, notificationWords, stepsTable, stepWords } from "../../src/cli/told-text.ts";
import { RuleEscalationSchema, RuleNotificationSchema, TestRuleResponseSchema } from "../../src/wire/gen/rules_pb.ts";
import { timestampOfMs } from "../../src/wire/timestamp.ts";

const at = (minute: number) => timestampOfMs(Date.UTC(2026, 0, 1, 0, minute));
const told = (more: object) =>
  create(RuleNotificationSchema, { at: at(1), receiver: "ops", channel: "slack", ...more });
const step = (more: object) => create(RuleEscalationSchema, { at: at(1), policy: "plant", step: 2, loop: 1, ...more });
const HOT = { title: "temp of a is 90", severity: "high" };

test("notifications: why, of which alerts, and what was held back", () => {
  const table = notificationsTable([
    told({ reason: "first", alerts: [HOT], alertsTotal: 1n }),
    told({ receiver: "on-\u001bcall", channel: "email", reason: "escalated", alerts: [HOT], alertsTotal: 1_003n }),
    told({ reason: "resolved", alerts: [{ ...HOT, resolved: true }], alertsTotal: 1n, silenced: 2n, inactive: 1n }),
  ]);
  expect(Bun.stripANSI(table)).toBe(
    `AT                    RECEIVER  CHANNEL  WHY        ALERTS
2026-01-01T00:01:00Z  ops       slack    first      high: temp of a is 90
2026-01-01T00:01:00Z  on-\ufffdcall  email    escalated  high: temp of a is 90, and 1,002 more
2026-01-01T00:01:00Z  ops       slack    resolved   over: temp of a is 90 (2 silenced, 1 outside of active times)
`,
  );
  expect(notificationsTable([])).toBe("");
});

test("steps of escalation: which one, who is told, what it is raised to", () => {
  const of = { alerts: [HOT], alertsTotal: 1n };
  const table = stepsTable([
    step({ receivers: ["anna", "lead"], raisedSeverity: "critical", ...of }),
    step({ loop: 3, receivers: ["anna"], ...of }),
    step({ exhausted: true, ...of }),
    step({ reminder: true, receivers: ["anna"] }),
  ]);
  expect(Bun.stripANSI(table)).toBe(
    `AT                    POLICY  STEP         TOLD        RAISED TO  ALERTS
2026-01-01T00:01:00Z  plant   2            anna, lead  critical   high: temp of a is 90
2026-01-01T00:01:00Z  plant   2 of loop 3  anna        -          high: temp of a is 90
2026-01-01T00:01:00Z  plant   none left    -           -          high: temp of a is 90
2026-01-01T00:01:00Z  plant   2 again      anna        -          -
`,
  );
  expect(stepsTable([])).toBe("");
});

test("how many there were in all", () => {
  const words = (answer: object) => {
    const message = create(TestRuleResponseSchema, answer);
    return [notificationWords(message), stepWords(message)];
  };
  expect(words({})).toEqual(["no notification", ""]);
  expect(words({ notificationsTotal: 1n, notificationsByReceiver: { ops: 1n }, escalationsTotal: 1n })).toEqual([
    "1 notification: 1 to ops",
    "1 step of escalation",
  ]);
  const counts = { notificationsTotal: 5_003n, notificationsByReceiver: { ops: 3n, lead: 5_000n } };
  expect(words({ ...counts, escalationsTotal: 1_200n })).toEqual([
    "5,003 notifications: 5,000 to lead, 3 to ops",
    "1,200 steps of escalation",
  ]);
});
